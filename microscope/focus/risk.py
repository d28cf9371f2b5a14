"""How likely a scan is to fail or to be blurred, judged before the night, in words that a technician can act
on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from microscope.errors import FocusFailed
from microscope.focus.points import WANTED_POINTS, choose_points
from microscope.focus.surface import FEWEST_POINTS, fit_surface
from microscope.focus.tissue import Mask, Picture, Tissue, examine, scan_area
from microscope.plan import FocusPoint, Rect

SAFE_BELOW = 0.5
_UNWORTHY = 0.05  # a finding of less weight is not worth a technician's reading
_SAME_PLACE_UM = 60.0
_ABOVE_UM = 40.0  # glass leans and bends by less over the length of a section
_TRIED_AND_FOUND = 0.5  # what is left of a doubt about the stain

Finding = tuple[float, str]


@dataclass(frozen=True, slots=True)
class Risk:
    """How likely the scan is to fail or to be blurred: 0 none, below 0.5 safe, 1 certain; with reasons,
    worst first.
    """

    score: float
    reasons: tuple[str, ...]

    @property
    def safe(self) -> bool:
        return self.score < SAFE_BELOW


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a snapshot suggests. ``area`` is None when there is no tissue to be seen."""

    area: Rect | None
    points: tuple[FocusPoint, ...]
    risk: Risk


def propose(
    macro: Picture,
    um_per_px: float,
    origin: tuple[float, float] = (0.0, 0.0),
    *,
    n: int = WANTED_POINTS,
    tried: Sequence[FocusPoint] = (),
) -> Proposal:
    """All steps in one: what the focus review shows for a snapshot. ``tried`` are places where the scanner
    has tried to focus, with the height that it found; no point is proposed where it found none.
    """
    tissue, corner = examine(macro).cropped()
    if not tissue.mask.size:
        return Proposal(None, (), Risk(1.0, ("no tissue found",)))
    origin = (origin[0] + corner[0] * um_per_px, origin[1] + corner[1] * um_per_px)
    points = choose_points(tissue.firm, n, um_per_px=um_per_px, origin=origin)
    risk = assess(tissue, points, um_per_px, tried)
    return Proposal(scan_area(tissue.mask, um_per_px, origin), _promising(points, tried), risk)


def assess(
    tissue: Tissue, points: Sequence[FocusPoint], um_per_px: float, tried: Sequence[FocusPoint] = ()
) -> Risk:
    """Judge a snapshot with its focus points, and what became of those that were tried."""
    findings = [*_seen(tissue, points, um_per_px), *_tried(tried)]
    if tried and all(point.z_um is not None for point in tried):  # trying is better than guessing
        findings.append(_faint(tissue, weight=_TRIED_AND_FOUND))
    else:
        findings.append(_faint(tissue))
    worth = sorted((finding for finding in findings if finding[0] > _UNWORTHY), reverse=True)
    score = 1.0 - float(np.prod([1.0 - weight for weight, _ in worth]))
    return Risk(round(score, 3), tuple(reason for _, reason in worth))


def _seen(tissue: Tissue, points: Sequence[FocusPoint], um_per_px: float) -> Iterator[Finding]:
    """What the photograph says."""
    area_mm2 = float(tissue.mask.sum()) * um_per_px**2 / 1e6
    white, spread = _white_share(tissue.mask), _spread(tissue.firm, points, um_per_px)
    yield _ramp(len(points), safe=7, bad=2), f"only {len(points)} focus points"
    yield _ramp(area_mm2, safe=0.6, bad=0.15), f"little tissue ({area_mm2:.2f} mm²)"
    yield 0.7 * _ramp(spread, safe=0.3, bad=0.05), f"focus points cover {spread:.0%} of the tissue's extent"
    yield 0.3 * _ramp(1 - white, safe=0.3, bad=0.05), f"{white:.0%} of the scan area is white"


def _faint(tissue: Tissue, weight: float = 1.0) -> Finding:
    light = tissue.strength
    return weight * _ramp(light, safe=0.16, bad=0.08), f"faint stain ({light:.0%} of the light absorbed)"


def _tried(tried: Sequence[FocusPoint]) -> Iterator[Finding]:
    """What trying to focus says."""
    if not tried:
        return
    found = _on_tissue(tried)
    share = len(found) / len(tried)
    yield (
        _ramp(share, safe=0.85, bad=0.5),
        f"focus found at {len(found)} of {len(tried)} places that were tried",
    )
    apart = _disagreement(found)
    yield _ramp(-apart, safe=-2.0, bad=-4.0), f"the heights of focus disagree by {apart:.1f} µm"


def _on_tissue(tried: Sequence[FocusPoint]) -> list[FocusPoint]:
    """Where focus was found, and not far above the others: that was dirt or ink on the cover slip."""
    heights = [point.z_um for point in tried if point.z_um is not None]
    usual = float(np.median(heights)) if heights else 0.0
    return [point for point in tried if point.z_um is not None and abs(point.z_um - usual) < _ABOVE_UM]


def _disagreement(found: Sequence[FocusPoint]) -> float:
    """How far, at worst, one of the points lies from the surface through the others, in µm."""
    if len(found) <= FEWEST_POINTS:
        return 0.0
    misses = [_miss(point, [other for other in found if other is not point]) for point in found]
    return max(misses)


def _miss(point: FocusPoint, others: Sequence[FocusPoint]) -> float:
    try:
        expected = fit_surface(others).z(point.x_um, point.y_um)
    except FocusFailed:  # the others lie on a line: they say nothing about this one
        return 0.0
    return abs(expected - (point.z_um or 0.0))


def _promising(points: tuple[FocusPoint, ...], tried: Sequence[FocusPoint]) -> tuple[FocusPoint, ...]:
    """Without those where trying has shown that there is no focus, as long as enough are left."""
    found = _on_tissue(tried)
    blind = [point for point in tried if point not in found]
    left = tuple(point for point in points if not any(_same(point, other) for other in blind))
    return left if len(left) >= FEWEST_POINTS else points


def _same(one: FocusPoint, other: FocusPoint) -> bool:
    return float(np.hypot(one.x_um - other.x_um, one.y_um - other.y_um)) < _SAME_PLACE_UM


def _spread(mask: Mask, points: Sequence[FocusPoint], um_per_px: float) -> float:
    """The share of the tissue's convex outline that the points' outline covers."""
    if len(points) < FEWEST_POINTS:
        return 0.0
    rows, columns = np.nonzero(mask)
    places = np.array([[point.x_um / um_per_px, point.y_um / um_per_px] for point in points], np.float32)
    outline = _outline(np.column_stack([columns, rows]).astype(np.float32))
    return min(1.0, _outline(places) / max(1.0, outline))


def _outline(places: NDArray[np.float32]) -> float:
    return float(cv2.contourArea(cv2.convexHull(places)))


def _white_share(mask: Mask) -> float:
    """The share of the tissue's bounding rectangle that is no tissue."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    return 1.0 - float(mask.sum()) / float(box)


def _ramp(value: float, *, safe: float, bad: float) -> float:
    """0 at ``safe`` or better, 1 at ``bad`` or worse, straight in between."""
    return float(min(1.0, max(0.0, (safe - value) / (safe - bad))))
