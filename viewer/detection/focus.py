"""Focus heat map: how sharp each small square of tissue is, by vslide.sharpness."""

import numpy as np
from numpy.typing import NDArray

from viewer.detection.density import of_tissue
from viewer.detection.model import Labels, Parameter, Patch, Pipeline, Values
from vslide.sharpness import sharpness

CELL = 256
"""px of a square."""
SHARP, DOUBTFUL, BLURRED = 1, 2, 3
_TISSUE, _SHARE = 0.06, 0.1
_CLEARLY = 1.3
# Blue to red, told apart by any eye; only what wants looking at is strong.
_COLOURS = np.array([(0, 0, 0, 0), (60, 120, 220, 50), (240, 190, 40, 110), (220, 50, 40, 140)], np.uint8)


def find(patch: Patch, values: Values) -> Labels:
    """SHARP, DOUBTFUL or BLURRED by squares; 0 where there is too little tissue to tell."""
    tissue = of_tissue(patch) > _TISSUE
    labels = np.zeros(tissue.shape, np.int32)
    for top in range(0, tissue.shape[0], CELL):
        for left in range(0, tissue.shape[1], CELL):
            part = np.s_[top : top + CELL, left : left + CELL]
            if tissue[part].mean() >= _SHARE and min(tissue[part].shape) >= CELL // 4:
                score = max(sharpness(plane[part]) for plane in _judged(patch))
                labels[part] = _grade(score, values["sharp"])
    return labels


def _judged(patch: Patch) -> NDArray[np.generic]:
    """All colours of a brightfield picture are equally sharp: green, which carries most."""
    return patch.raw[1:2] if patch.brightfield else patch.raw


def _grade(score: float, sharp: float) -> int:
    if score >= min(1.0, sharp * _CLEARLY):
        return SHARP
    return DOUBTFUL if score >= sharp else BLURRED


def paint(labels: Labels) -> NDArray[np.uint8]:
    """Blue is sharp, yellow doubtful, red blurred."""
    return np.asarray(_COLOURS[labels], np.uint8)


FOCUS = Pipeline(
    name="focus",
    version=1,
    title="Focus",
    legend="Blue: sharp. Yellow: doubtful. Red: blurred. Bare: too little tissue to tell.",
    thing="out of focus",
    um_per_px=0.0,
    margin_um=0.0,
    grid_px=CELL,
    any_scale=False,
    outlined=BLURRED,
    parameters=(Parameter("sharp", "Sharp from", 0.1, 0.9, 0.5, 0.05),),
    find=find,
    paint=paint,
)
