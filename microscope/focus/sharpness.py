"""How sharp a picture is: what a search for focus climbs."""

import numpy as np
from numpy.typing import NDArray


def sharpness(picture: NDArray[np.generic]) -> float:
    """Of a plane (H, W): the power of its fine gradients over its mean brightness."""
    grey = picture.astype(np.float32)
    return float(((grey[:, 2:] - grey[:, :-2]) ** 2).mean()) / max(1.0, float(grey.mean()))
