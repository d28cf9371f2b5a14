"""The label photograph inside a vendor's file. It names the patient: look at it, never keep it."""

from pathlib import Path
from typing import Any

import numpy as np
import openslide
from numpy.typing import NDArray

LABELS = ("label", "macro")


def label_image(path: Path) -> NDArray[Any] | None:
    """(H, W, 3) uint8 RGB of the label, or of the macro photograph where there is no label; None where
    there is neither.

    Give it only files that passed `vslide.inspect_file`.
    """
    try:
        slide = openslide.OpenSlide(str(path))
    except (openslide.OpenSlideError, OSError):
        return None
    with slide:
        found = next(
            (slide.associated_images[name] for name in LABELS if name in slide.associated_images), None
        )
        return None if found is None else np.asarray(found.convert("RGB"))
