"""How far two pictures of the same place are apart: phase correlation, and proof that the match is no chance.

Sources: Kuglin & Hines, The phase correlation image alignment method (1975); of its peaks that one is taken
which best survives a normalised correlation of the shifted overlap, as in MIST (Chalfoun et al., Sci. Rep. 7,
4988, 2017), and it must stand out of what chance gives, as in ASHLAR (Muhlich et al., Bioinformatics 38,
4613, 2022). The fraction of a pixel comes from Gauss-Newton steps on the pictures themselves (Lucas & Kanade,
1981).
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from vslide.geometry import overlap

Pixels = NDArray[Any]
Single = NDArray[np.float32]

FALSE_ALARM = 1e-5
"""Share of empty overlaps that may seem to match."""
MIN_EVIDENCE = 10.0
"""Least product of correlation and height of the peak: shapes that look alike (nuclei) reach one or the
other.
"""
_DISTINCT = 0.85
_CANDIDATES = 4
_PEAK_RADIUS = 3
_SMOOTHING_PX = 1.0
_BACKGROUND_PX = 31
_TAPER = 0.08
_MIN_SIDE = 8
_STEPS = 4
_BORDER = 3
_MAX_REST = 2.5
_SETTLED = 0.75
_CUTS = 4
_NOTHING = 1e-30
_SINGULAR = 1e-6


@dataclass(frozen=True, slots=True)
class Match:
    """`b` shows at pixel u what `a` shows at u + `shift` (x, y in px). `correlation` is that of the two,
    -1..1, after shading and grain were filtered out; `height` is the peak in standard deviations of its
    surroundings.
    """

    shift: tuple[float, float]
    correlation: float
    height: float


def match(a: Pixels, b: Pixels, expected: tuple[float, float], reach: float) -> Match | None:
    """The shift between two windows (H, W) of equal shape, no further than `reach` px from `expected` along
    either axis; None when there is no evidence (empty glass, or several places that match as well).
    """
    if min(a.shape) < _MIN_SIDE:
        return None
    clean_a, clean_b = _flatten(a), _flatten(b)
    surface = _phase_correlation(clean_a, clean_b)
    left, top, area = _search_area(surface, expected, reach)
    places = [(x + left, y + top) for y, x in _peaks(area)]
    scores = [_score(clean_a, clean_b, place) for place in places]
    best = int(np.argmax(scores))
    rivals = scores[:best] + scores[best + 1 :]
    if max(rivals, default=0.0) > _DISTINCT * scores[best]:
        return None
    found = _second_look(a, b, places[best])
    if found is None or max(abs(n - m) for n, m in zip(found.shift, expected, strict=True)) > reach + 1:
        return None
    return found


def _second_look(a: Pixels, b: Pixels, whole: tuple[int, int]) -> Match | None:
    """Compare just what both windows show if the shift is `whole`: None unless the highest peak of all then
    lies where it must, higher than chance would have it, and the pictures agree.

    Only here both pictures end at the same places, which matters for filters as wide as the overlap.
    """
    common = _common(a, b, whole)
    if common is None:
        return None
    surface = _phase_correlation(*map(_flatten, common))
    peak = [int(place) for place in np.unravel_index(int(surface.argmax()), surface.shape)]
    height = float(surface[peak[0], peak[1]]) / max(float(np.std(surface)), _NOTHING)
    y, x = (
        place - size if place > size // 2 else place for place, size in zip(peak, surface.shape, strict=True)
    )
    if max(abs(x), abs(y)) > _PEAK_RADIUS or height < _least_height(surface.size):
        return None
    return _settle(a, b, (whole[0] + x, whole[1] + y), height)


def _settle(a: Pixels, b: Pixels, whole: tuple[int, int], height: float) -> Match | None:
    """The shift to a fraction of a pixel: cut anew until less than a pixel is left to move."""
    for _ in range(_CUTS):
        common = _common(a, b, whole)
        if common is None:
            return None
        left, right = map(_flatten, common)
        rest = _rest(left, right)
        if rest is None:
            return None
        if max(map(abs, rest)) < _SETTLED:
            correlation = _correlation(left, right)
            shift = whole[0] + rest[0], whole[1] + rest[1]
            return Match(shift, correlation, height) if correlation * height >= MIN_EVIDENCE else None
        whole = whole[0] + round(rest[0]), whole[1] + round(rest[1])
    return None


def _least_height(places: int) -> float:
    """What a peak must reach, in standard deviations, so that chance gets there in FALSE_ALARM of all
    searches among so many places: the surface of unrelated pictures is normally distributed.
    """
    return math.sqrt(2 * math.log(places / FALSE_ALARM))


def _flatten(pixels: Pixels) -> Single:
    """Without shading and without most of the camera's grain."""
    picture = pixels.astype(np.float32)
    fine = cv2.GaussianBlur(picture, (0, 0), _SMOOTHING_PX)
    background = cv2.blur(fine, (_BACKGROUND_PX, _BACKGROUND_PX))
    return np.asarray(fine - background, np.float32)


def _phase_correlation(a: Single, b: Single) -> Single:
    height, width = a.shape
    shape = fft.next_fast_len(height, real=True), fft.next_fast_len(width, real=True)
    taper = _taper(height, width)
    cross = fft.rfft2(a * taper, shape) * np.conj(fft.rfft2(b * taper, shape))
    size = np.abs(cross)
    cross *= _low_pass(shape) / np.maximum(size, np.float32(1e-6) * max(float(size.max()), 1e-20))
    return np.asarray(fft.irfft2(cross, shape), np.float32)


@lru_cache(maxsize=16)
def _taper(height: int, width: int) -> Single:
    """One inside, falling to zero at the edges, so that edges are no structure that both pictures share."""
    return np.outer(_flank(height), _flank(width)).astype(np.float32)


def _flank(size: int) -> NDArray[np.float64]:
    width = max(2, round(_TAPER * size))
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(width) + 0.5) / width)
    flank = np.ones(size)
    flank[:width] = rise
    flank[-width:] = np.minimum(flank[-width:], rise[::-1])
    return flank


@lru_cache(maxsize=16)
def _low_pass(shape: tuple[int, int]) -> Single:
    """The spectrum of a Gaussian spot: it damps the frequencies that hold noise only."""
    y, x = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None, :]
    spot = np.exp(-2 * (np.pi * _SMOOTHING_PX) ** 2 * (x * x + y * y))
    return np.asarray(spot, np.float32)


def _search_area(surface: Single, expected: tuple[float, float], reach: float) -> tuple[int, int, Single]:
    """(x, y of its first pixel, the part of the cyclic surface around the expected shift)."""
    starts, places = [], []
    for middle, size in zip(expected, surface.shape[::-1], strict=True):
        half = min(math.ceil(reach), (size - 1) // 2)
        start = round(middle) - half
        starts.append(start)
        places.append(np.arange(start, start + 2 * half + 1) % size)
    return starts[0], starts[1], surface[np.ix_(places[1], places[0])]


def _peaks(area: Single) -> list[tuple[int, int]]:
    """(y, x) of the highest places, each well away from the others."""
    rest = area.copy()
    found = []
    for _ in range(_CANDIDATES):
        y, x = (int(place) for place in np.unravel_index(int(rest.argmax()), rest.shape))
        if not np.isfinite(rest[y, x]):
            break
        found.append((y, x))
        rest[
            max(0, y - _PEAK_RADIUS) : y + _PEAK_RADIUS + 1, max(0, x - _PEAK_RADIUS) : x + _PEAK_RADIUS + 1
        ] = -np.inf
    return found


def _common(a: Pixels, b: Pixels, shift: tuple[int, int]) -> tuple[Pixels, Pixels] | None:
    """What both windows show when `b` lies `shift` px from `a`; None when that is next to nothing."""
    in_a_x, in_b_x = overlap(0, a.shape[1], shift[0], b.shape[1])
    in_a_y, in_b_y = overlap(0, a.shape[0], shift[1], b.shape[0])
    if min(in_a_x.stop - in_a_x.start, in_a_y.stop - in_a_y.start) < _MIN_SIDE:
        return None
    return a[in_a_y, in_a_x], b[in_b_y, in_b_x]


def _score(a: Single, b: Single, shift: tuple[int, int]) -> float:
    """How unlikely chance makes the correlation at this shift: many pixels say more than a few."""
    common = _common(a, b, shift)
    return _correlation(*common) * math.sqrt(common[0].size) if common is not None else 0.0


def _correlation(a: Single, b: Single) -> float:
    """Normalised correlation of two pictures of equal shape."""
    left, right = a - a.mean(), b - b.mean()
    size = math.sqrt(_dot(left, left) * _dot(right, right))
    return _dot(left, right) / size if size > 0 else 0.0


def _dot(a: Single, b: Single) -> float:
    return float(np.vdot(a, b))


def _rest(left: Single, right: Single) -> tuple[float, float] | None:
    """The fraction of a pixel (x, y) by which two pictures still differ, to a few hundredths; None where
    their slopes do not tell it.

    Each step compares the brightness difference with the slope of the mean of both pictures, which noise
    biases less than the slope of either. Linear interpolation: it moves a picture by just what it should,
    OpenCV's cubic one does not.
    """
    rest = np.zeros(2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for _ in range(_STEPS):
        move = np.array([[1.0, 0.0, -rest[0]], [0.0, 1.0, -rest[1]]])
        moved = cv2.warpAffine(right, move, right.shape[::-1], flags=flags, borderMode=cv2.BORDER_REFLECT)
        step = _step(left, np.asarray(moved, np.float32))
        if step is None or np.abs(rest - step).max() > _MAX_REST:
            return None
        rest = rest - step
    return float(rest[0]), float(rest[1])


def _step(left: Single, right: Single) -> NDArray[np.float64] | None:
    """The shift (x, y in px) that explains best what differs; None where the slopes do not tell."""
    mean, inside = (left + right) / 2, slice(_BORDER, -_BORDER)
    slope_x, slope_y = (
        np.asarray(cv2.Scharr(mean, cv2.CV_32F, *axis, scale=1 / 32), np.float32)[inside, inside]
        for axis in ((1, 0), (0, 1))
    )
    difference = (left - right)[inside, inside]
    xx, xy, yy = _dot(slope_x, slope_x), _dot(slope_x, slope_y), _dot(slope_y, slope_y)
    if xx * yy - xy * xy <= _SINGULAR * (xx + yy) ** 2:
        return None
    sides = np.array([_dot(slope_x, difference), _dot(slope_y, difference)])
    return np.asarray(np.linalg.solve(np.array([[xx, xy], [xy, yy]]), sides))
