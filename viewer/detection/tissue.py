"""Tissue mask: where the slide is not glass."""

import cv2
import numpy as np
from numpy.typing import NDArray

from viewer.detection.density import of_tissue
from viewer.detection.model import Labels, Parameter, Patch, Pipeline, Values

_LEAST_UM = 40.0
"""Specks and holes narrower than that are not told apart."""
_COLOUR = (0, 200, 120, 70)
_EDGE = (0, 230, 140, 255)


def find(patch: Patch, values: Values) -> Labels:
    """1 where there is more stain than the threshold."""
    smooth = cv2.GaussianBlur(of_tissue(patch), (0, 0), 1.5)
    side = 2 * min(15, max(1, round(_LEAST_UM / patch.um_per_px / 2))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    mask = (smooth > values["threshold"]).astype(np.uint8)
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel)
    return np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel), np.int32)


def paint(labels: Labels) -> NDArray[np.uint8]:
    """A tint with an edge."""
    mask = (labels > 0).astype(np.uint8)
    picture = np.zeros((*mask.shape, 4), np.uint8)
    picture[mask > 0] = _COLOUR
    edge = mask - cv2.erode(mask, np.ones((3, 3), np.uint8), borderValue=1)
    picture[edge > 0] = _EDGE
    return picture


TISSUE = Pipeline(
    name="tissue",
    version=1,
    title="Tissue mask",
    legend="Tinted: tissue. Bare: glass.",
    thing="tissue",
    um_per_px=8.0,
    margin_um=160.0,
    grid_px=1,
    any_scale=True,
    outlined=1,
    parameters=(Parameter("threshold", "Least stain", 0.02, 0.6, 0.08, 0.01),),
    find=find,
    paint=paint,
)
