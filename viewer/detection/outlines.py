"""Labels as rings of points."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from viewer.detection.model import Labels, Outline

_LEAST_PX = 4.0


def outlines(labels: Labels, outlined: int | None, start: tuple[float, float], step: float) -> list[Outline]:
    """One for each thing, in px of level 1; a px of `labels` is `step` of them, the first is at `start`."""
    if outlined is not None:
        return _outlines(labels == outlined, (0, 0), start, step)
    found: list[Outline] = []
    for number, part in enumerate(ndimage.find_objects(labels), start=1):
        if part is not None:
            corner = (part[1].start, part[0].start)
            found += _outlines(labels[part] == number, corner, start, step)[:1]
    return found


def _outlines(
    mask: NDArray[np.bool_], corner: tuple[int, int], start: tuple[float, float], step: float
) -> list[Outline]:
    contours, tree = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=corner
    )
    outer = {n: [ring] for n, ring in enumerate(contours) if tree[0, n, 3] < 0 and _is_area(ring)}
    for n, ring in enumerate(contours):
        if tree[0, n, 3] in outer and _is_area(ring):
            outer[tree[0, n, 3]].append(ring)
    return [
        tuple(
            tuple((start[0] + (x + 0.5) * step, start[1] + (y + 0.5) * step) for x, y in ring[:, 0].tolist())
            for ring in rings
        )
        for rings in outer.values()
    ]


def _is_area(ring: Any) -> bool:
    return len(ring) > 2 and cv2.contourArea(ring) >= _LEAST_PX
