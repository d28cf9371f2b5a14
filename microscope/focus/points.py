"""Where to focus: places well inside the tissue and far from each other."""

import cv2
import numpy as np
from numpy.typing import NDArray

from microscope.focus.tissue import Mask
from microscope.plan import FocusPoint

WANTED_POINTS = 9
_CANDIDATES = 4000


def choose_points(
    firm: Mask,
    n: int = WANTED_POINTS,
    *,
    um_per_px: float,
    origin: tuple[float, float] = (0.0, 0.0),
    apart_um: float = 150.0,
    inside_um: float = 70.0,
) -> tuple[FocusPoint, ...]:
    """Up to ``n`` points on ``firm`` tissue, each as far as can be from the others, none closer than
    ``apart_um``, and ``inside_um`` from every edge and hole wherever the tissue is wide enough.

    The first is the deepest inside the tissue: of any number of points the first ones are the best spread.
    """
    inside = cv2.distanceTransform(firm.astype(np.uint8), cv2.DIST_L2, 3)
    deepest = float(inside.max(initial=0.0))
    if deepest <= 0:
        return ()
    rows, columns = np.nonzero(inside >= min(inside_um / um_per_px + 0.5, deepest * 0.6))
    thin = max(1, rows.size // _CANDIDATES)
    places = np.column_stack([columns[::thin], rows[::thin]]).astype(np.float64)
    chosen = [int(np.argmax(inside[rows[::thin], columns[::thin]]))]
    distance = _apart(places, chosen[0])
    while len(chosen) < n and distance.max() * um_per_px >= apart_um:
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, _apart(places, chosen[-1]))
    return tuple(
        FocusPoint(origin[0] + (x + 0.5) * um_per_px, origin[1] + (y + 0.5) * um_per_px)
        for x, y in places[chosen].tolist()
    )


def _apart(places: NDArray[np.float64], which: int) -> NDArray[np.float64]:
    away = places - places[which]
    return np.asarray(np.hypot(away[:, 0], away[:, 1]))
