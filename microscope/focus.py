"""From a snapshot to a focus map: find tissue, choose points, fit a surface, and say how doubtful it all is.

Pictures are (H, W, 3) uint8 RGB. A snapshot's pixel (column, row) lies at stage µm ``origin + (column, row)
* um_per_px``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from microscope.errors import FocusFailed
from microscope.plan import FocusPoint, Rect

Mask = NDArray[np.bool_]
Picture = NDArray[np.uint8]

SAFE_BELOW = 0.5
WANTED_POINTS = 9
_LABEL_SHARE = 0.3  # the end of the glass that carries the label
_EDGE_SHARE = 0.02  # the rim of the glass shines and carries dirt
_FAINTEST = 5.0  # grey levels below the glass: less than this is noise, not stain
_QUADRATIC_NEEDS = 8
_OUTLIER_UM = 2.0


@dataclass(frozen=True, slots=True)
class FocusSurface:
    """A plane or a quadratic through the focus points, in mm from ``centre_um``."""

    centre_um: tuple[float, float]
    coefficients: tuple[float, ...]
    residual_um: float
    lowest_um: float
    highest_um: float
    points: int

    def z(self, x_um: float, y_um: float) -> float:
        """Height of best focus at a stage position, kept within what the points make believable."""
        terms = _terms(np.array([[x_um, y_um]]), self.centre_um, len(self.coefficients))
        height = float((terms @ np.array(self.coefficients))[0])
        room = 2.0 + (self.highest_um - self.lowest_um) / 2
        return min(max(height, self.lowest_um - room), self.highest_um + room)


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


def find_tissue(macro: Picture, *, label_share: float = _LABEL_SHARE) -> Mask:
    """Where the macro shows tissue, as (H, W) bool. The label's end (left) and the rim never count."""
    depth = _stain_depth(macro, label_share)
    height, width = depth.shape
    edge = max(2, round(height * _EDGE_SHARE))
    inner = depth[edge : height - edge, round(width * label_share) : width - edge]
    threshold, _ = cv2.threshold(np.ascontiguousarray(inner), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    found = np.zeros((height, width), np.uint8)
    found[edge : height - edge, round(width * label_share) : width - edge] = inner > max(
        _FAINTEST, threshold * 0.6
    )
    closed = cv2.morphologyEx(found, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    return _without_specks(np.asarray(opened, np.uint8), smallest=max(25, height * width // 20_000))


def scan_area(
    mask: Mask, um_per_px: float, origin: tuple[float, float] = (0.0, 0.0), *, margin_um: float = 100.0
) -> Rect:
    """The rectangle around all tissue, with a margin, in stage µm. Raises ``FocusFailed`` when there is no
    tissue.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        raise FocusFailed("no tissue on the snapshot")
    left = origin[0] + float(columns[0]) * um_per_px - margin_um
    top = origin[1] + float(rows[0]) * um_per_px - margin_um
    width = (int(columns[-1]) - int(columns[0]) + 1) * um_per_px + 2 * margin_um
    height = (int(rows[-1]) - int(rows[0]) + 1) * um_per_px + 2 * margin_um
    return Rect(left, top, width, height)


def choose_points(
    mask: Mask,
    n: int = WANTED_POINTS,
    *,
    um_per_px: float,
    origin: tuple[float, float] = (0.0, 0.0),
    apart_um: float = 150.0,
) -> tuple[FocusPoint, ...]:
    """Up to ``n`` points inside the tissue, each as far as can be from the others, none closer than
    ``apart_um``.

    The first is the deepest inside the tissue. Points keep off the tissue's edge where the tissue is wide
    enough.
    """
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    deepest = float(inside.max(initial=0.0))
    if deepest <= 0:
        return ()
    rows, columns = np.nonzero(inside >= min(3.0, deepest * 0.6))
    thin = max(1, rows.size // 4000)
    places = np.column_stack([columns[::thin], rows[::thin]]).astype(np.float64)
    chosen = [int(np.argmax(inside[rows[::thin], columns[::thin]]))]
    distance = np.hypot(*(places - places[chosen[0]]).T)
    while len(chosen) < n and distance.max() * um_per_px >= apart_um:
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.hypot(*(places - places[chosen[-1]]).T))
    return tuple(
        FocusPoint(origin[0] + (x + 0.5) * um_per_px, origin[1] + (y + 0.5) * um_per_px)
        for x, y in places[chosen].tolist()
    )


def fit_surface(points: Iterable[FocusPoint]) -> FocusSurface:
    """Least squares through the measured points: a plane, or a quadratic from 8 points on; one far outlier
    is left out.

    Raises ``FocusFailed`` for fewer than three measured points or points that lie on a line.
    """
    measured = [(point.x_um, point.y_um, point.z_um) for point in points if point.z_um is not None]
    if len(measured) < 3:
        raise FocusFailed(f"{len(measured)} focus points found, at least 3 are needed")
    surface, misses = _fit(measured)
    worst = int(np.argmax(misses))
    if len(measured) > 4 and misses[worst] > max(_OUTLIER_UM, 3 * float(np.median(misses))):
        surface, _ = _fit(measured[:worst] + measured[worst + 1 :])
    return surface


def assess(macro: Picture, mask: Mask, points: Sequence[FocusPoint], um_per_px: float) -> Risk:
    """Judge a snapshot's focus points before the night."""
    area_mm2 = float(mask.sum()) * um_per_px**2 / 1e6
    if not mask.any():
        return Risk(1.0, ("no tissue found",))
    strength = stain_strength(macro, mask)
    white = _white_share(mask)
    spread = _spread(mask, points, um_per_px)
    found = [
        (_ramp(len(points), safe=7, bad=2), f"only {len(points)} focus points"),
        (_ramp(area_mm2, safe=1.5, bad=0.3), f"little tissue ({area_mm2:.2f} mm²)"),
        (_ramp(strength, safe=0.16, bad=0.05), f"faint stain ({strength:.0%} of the light absorbed)"),
        (0.7 * _ramp(spread, safe=0.45, bad=0.1), f"focus points cover {spread:.0%} of the tissue's extent"),
        (0.7 * _ramp(1 - white, safe=0.3, bad=0.05), f"{white:.0%} of the scan area is white"),
    ]
    found = sorted((item for item in found if item[0] > 0.05), reverse=True)
    score = 1.0 - float(np.prod([1.0 - part for part, _ in found])) if found else 0.0
    return Risk(round(score, 3), tuple(reason for _, reason in found))


def propose(
    macro: Picture, um_per_px: float, origin: tuple[float, float] = (0.0, 0.0), *, n: int = WANTED_POINTS
) -> Proposal:
    """All of the above in one step: what the focus review shows for a snapshot."""
    mask = find_tissue(macro)
    if not mask.any():
        return Proposal(None, (), Risk(1.0, ("no tissue found",)))
    points = choose_points(mask, n, um_per_px=um_per_px, origin=origin)
    return Proposal(scan_area(mask, um_per_px, origin), points, assess(macro, mask, points, um_per_px))


def stain_strength(macro: Picture, mask: Mask) -> float:
    """How much light the tissue takes away in the channel that it darkens most, 0 to 1."""
    depth = _stain_depth(macro, _LABEL_SHARE)
    return float(depth[mask].mean()) / 255.0 if mask.any() else 0.0


def sharpness(picture: NDArray[np.generic]) -> float:
    """How sharp a plane (H, W) is: the power of its fine gradients over its mean brightness."""
    grey = picture.astype(np.float32)
    return float(((grey[:, 2:] - grey[:, :-2]) ** 2).mean()) / max(1.0, float(grey.mean()))


def _stain_depth(macro: Picture, label_share: float) -> Picture:
    """Grey levels below the empty glass, in the channel that is darkened most."""
    free = macro[::4, round(macro.shape[1] * label_share) :: 4].reshape(-1, 3)
    glass = [float(level) for level in np.percentile(free, 60, axis=0)]
    smooth = cv2.GaussianBlur(macro, (5, 5), 0)
    red, green, blue = cv2.split(cv2.subtract(np.full_like(smooth, glass), smooth))
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)


def _without_specks(found: NDArray[np.uint8], *, smallest: int) -> Mask:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found, connectivity=8)
    keep = np.zeros(count, bool)
    keep[1:] = stats[1:, cv2.CC_STAT_AREA] >= smallest
    mask: Mask = keep[labels]
    return mask


def _terms(places: NDArray[np.float64], centre: tuple[float, float], count: int) -> NDArray[np.float64]:
    x, y = ((places - np.array(centre)) / 1000.0).T
    terms = [np.ones_like(x), x, y, x * x, x * y, y * y]
    return np.column_stack(terms[:count])


def _fit(measured: list[tuple[float, float, float]]) -> tuple[FocusSurface, NDArray[np.float64]]:
    data = np.array(measured, np.float64)
    places, heights = data[:, :2], data[:, 2]
    centre = (float(places[:, 0].mean()), float(places[:, 1].mean()))
    terms = _terms(places, centre, 6 if len(measured) >= _QUADRATIC_NEEDS else 3)
    if np.linalg.matrix_rank(terms) < terms.shape[1]:
        terms = terms[:, :3]
    if np.linalg.matrix_rank(terms) < 3:
        raise FocusFailed("the focus points lie on one line")
    solution, *_ = np.linalg.lstsq(terms, heights, rcond=None)
    misses: NDArray[np.float64] = np.abs(terms @ solution - heights)
    surface = FocusSurface(
        centre,
        tuple(float(value) for value in solution),
        float(np.sqrt((misses**2).mean())),
        float(heights.min()),
        float(heights.max()),
        len(measured),
    )
    return surface, misses


def _spread(mask: Mask, points: Sequence[FocusPoint], um_per_px: float) -> float:
    """The share of the tissue's convex outline that the points' outline covers."""
    if len(points) < 3:
        return 0.0
    hull = cv2.convexHull(np.array([[p.x_um / um_per_px, p.y_um / um_per_px] for p in points], np.float32))
    return min(1.0, cv2.contourArea(hull) / max(1.0, _outline_px(mask)))


def _white_share(mask: Mask) -> float:
    """The share of the tissue's bounding rectangle that is no tissue."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    return 1.0 - float(mask.sum()) / float(box)


def _outline_px(mask: Mask) -> float:
    rows, columns = np.nonzero(mask)
    return float(cv2.contourArea(cv2.convexHull(np.column_stack([columns, rows]).astype(np.float32))))


def _ramp(value: float, *, safe: float, bad: float) -> float:
    """0 at ``safe`` or better, 1 at ``bad`` or worse, straight in between."""
    return float(min(1.0, max(0.0, (safe - value) / (safe - bad))))
