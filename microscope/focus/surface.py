"""The height of best focus all over a glass, from the heights measured at a few points."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from microscope.errors import FocusFailed
from microscope.plan import FocusPoint

Floats = NDArray[np.float64]

FEWEST_POINTS = 3
NOISE_UM = 0.5  # what two looks at one place differ by
_WIDTH = 3.8  # how many times the usual miss costs a point most of its weight
_BELIEVED = 0.25  # a point of less weight is an outlier
_ROUNDS, _SETTLED = 20, 1e-4
_TRIPLES = 300
# How far glass bends and leans, as standard deviations: what keeps one wrong height from looking like a bow.
_STIFFNESS = np.array([np.inf, 10.0, 10.0, 1.0, 1.0, 1.0])  # 1, µm/mm (twice), µm/mm² (three times)


@dataclass(frozen=True, slots=True)
class FocusSurface:
    """A slightly bent plane through the focus points, in mm from ``centre_um``.

    ``residual_um`` is how far the believed points miss it (root mean square), ``outliers`` how many points
    were not believed.
    """

    centre_um: tuple[float, float]
    coefficients: tuple[float, ...]
    residual_um: float
    lowest_um: float
    highest_um: float
    points: int
    outliers: int = 0

    def z(self, x_um: float, y_um: float) -> float:
        """Height of best focus at a stage position, kept within what the points make believable."""
        height = float((_terms(np.array([[x_um, y_um]]), self.centre_um) @ np.array(self.coefficients))[0])
        room = 2.0 + (self.highest_um - self.lowest_um) / 2
        return min(max(height, self.lowest_um - room), self.highest_um + room)


def fit_surface(points: Iterable[FocusPoint]) -> FocusSurface:
    """The surface that most of the measured points agree on. A wrong point does not tilt it.

    Raises ``FocusFailed`` for fewer than three measured points or points that lie on a line.
    """
    measured = [(point.x_um, point.y_um, point.z_um) for point in points if point.z_um is not None]
    if len(measured) < FEWEST_POINTS:
        raise FocusFailed(f"{len(measured)} focus points found, at least {FEWEST_POINTS} are needed")
    data = np.array(measured, np.float64)
    places, heights = data[:, :2], data[:, 2]
    centre = (float(places[:, 0].mean()), float(places[:, 1].mean()))
    terms = _terms(places, centre)
    if np.linalg.matrix_rank(terms[:, :3]) < 3:
        raise FocusFailed("the focus points lie on one line")
    solution, weights = _agreed(terms, heights)
    believed = weights >= _BELIEVED
    misses = (terms @ solution - heights)[believed]
    return FocusSurface(
        centre,
        tuple(float(value) for value in solution),
        float(np.sqrt((misses**2).mean())),
        float(heights[believed].min()),
        float(heights[believed].max()),
        len(measured),
        int((~believed).sum()),
    )


def _agreed(terms: Floats, heights: Floats) -> tuple[Floats, Floats]:
    """Coefficients and the weight of each point, 0 to 1: from the plane that half of the points lie nearest
    to, weighted least squares with ever better weights (Geman and McClure's).
    """
    solution = _median_plane(terms, heights)
    weights = np.ones(len(heights))
    for _ in range(_ROUNDS):
        misses = np.abs(terms @ solution - heights)
        scale = max(NOISE_UM, 1.4826 * float(np.median(misses)))
        before, weights = weights, 1.0 / (1.0 + (misses / (_WIDTH * scale)) ** 2) ** 2
        solution = _weighted(terms, heights, weights)
        if np.abs(weights - before).max() < _SETTLED:
            break
    return solution, weights


def _median_plane(terms: Floats, heights: Floats) -> Floats:
    """The plane through three of the points that has the least median distance from all of them."""
    triples = list(combinations(range(len(heights)), 3))
    best, plane = np.inf, np.zeros(terms.shape[1])
    for triple in triples[:: -(-len(triples) // _TRIPLES)]:
        corners = terms[list(triple), :3]
        # Three places in a row make a plane of any tilt.
        if abs(np.linalg.det(corners)) < 1e-9:
            continue
        flat = np.linalg.solve(corners, heights[list(triple)])
        distance = float(np.median(np.abs(terms[:, :3] @ flat - heights)))
        if distance < best:
            best, plane[:3] = distance, flat
    return plane


def _weighted(terms: Floats, heights: Floats, weights: Floats) -> Floats:
    stiff = np.diag((NOISE_UM / _STIFFNESS) ** 2)
    normal = (terms * weights[:, None]).T @ terms + stiff
    return np.asarray(np.linalg.solve(normal, (terms * weights[:, None]).T @ heights), np.float64)


def _terms(places: Floats, centre: tuple[float, float]) -> Floats:
    x, y = ((places - np.array(centre)) / 1000.0).T
    return np.column_stack([np.ones_like(x), x, y, x * x, x * y, y * y])
