"""How sharp a picture is, without another to compare it with."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]
Single = NDArray[np.float32]

_SIZES = (0.7, 1.4, 2.8)
"""Gaussians (px) whose differences are octaves of detail, the finest first."""
_TWICE_AS_COARSE = 2.425
"""The Gaussian that makes 5.6 px of the last of them on a picture half as large."""
_NOISE_LEFT = (0.0781, 0.01837)
"""Of the variance of a camera's noise, in the two finest octaves."""
_FINEST = (0.1, 0.55)
"""Power of the finest octave over the next: of a hopeless blur, of a picture in focus."""
_NEXT = (0.1, 0.4)
"""Power of that one over the third: where it is low, a wide blur has left only noise in the finest."""
_FLAT = 16
_NOISE_FILTER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def sharpness(picture: Pixels) -> float:
    """How sharp a plane (H, W) is, 0 to 1; 0.5 is a blur of about 1.35 px (standard deviation).

    In focus, neighbouring octaves of detail carry alike power in any tissue and stain, and a blur takes the
    finer one first. The camera's noise is estimated where the picture is flattest and taken off both; what
    hardly rises above it counts as blurred.
    """
    grey = picture.astype(np.float32)
    blurs = [np.asarray(cv2.GaussianBlur(grey, (0, 0), size), np.float32) for size in _SIZES]
    half = np.asarray(cv2.resize(blurs[2], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.float32)
    noise = _noise_power(grey)
    first, second = (
        _power(one, other) - noise * left
        for one, other, left in zip(blurs, blurs[1:], _NOISE_LEFT, strict=False)
    )
    third = _power(half, np.asarray(cv2.GaussianBlur(half, (0, 0), _TWICE_AS_COARSE), np.float32))
    if min(first, second, third) <= 0:
        return 0.0
    believed = second / (second + noise * _NOISE_LEFT[1])
    return min(_between(first / second * believed, *_FINEST), _between(second / third, *_NEXT))


def _between(ratio: float, low: float, high: float) -> float:
    """0 to 1, in equal steps of the logarithm."""
    return float(np.clip(math.log(ratio / low) / math.log(high / low), 0.0, 1.0))


def _power(one: Single, other: Single) -> float:
    return float(cv2.norm(one, other, cv2.NORM_L2SQR)) / one.size


def _noise_power(grey: Single) -> float:
    """The variance of the noise: of what no slope or bend explains¹, in the flattest tenth of the picture.

    ¹ Immerkaer, Fast noise variance estimation, 1996.
    """
    rest = cv2.filter2D(grey, cv2.CV_32F, _NOISE_FILTER)[1:-1, 1:-1]
    size = max(1, rest.shape[1] // _FLAT), max(1, rest.shape[0] // _FLAT)
    blocks = cv2.resize(np.square(rest), size, interpolation=cv2.INTER_AREA)
    return float(np.percentile(blocks, 10)) / 36
