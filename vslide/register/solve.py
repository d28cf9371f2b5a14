"""True positions from measured shifts: weighted least squares over the graph of neighbours, robust against
wrong ones.

Minimised is the sum over pairs of w |p_b - p_a - shift|² plus, very weakly, the distance of each field from
where the stage (and the trend of all pairs) has it: that alone places fields without evidence. Wrong pairs
lose their weight by iterated re-weighting (Geman & McClure, 1987) and are then left out, where ASHLAR and
MIST take a spanning tree.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_ITERATIONS = 12
_BENEFIT_OF_DOUBT = 1e-3
_MEDIAN_OF_LENGTH = 1.1774  # of a two-dimensional normal distribution with deviation 1


@dataclass(frozen=True, slots=True)
class Links:
    """Measured pairs: field `b[k]` lies `shift[k]` (x, y) from `a[k]`, believed with `weight[k]` > 0."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    shift: Floats
    weight: Floats

    def where(self, chosen: Bools) -> "Links":
        return Links(self.a[chosen], self.b[chosen], self.shift[chosen], self.weight[chosen])


@dataclass(frozen=True, slots=True)
class Solution:
    """`positions` (N, 2); `residuals` (M, 2) of each link against them; `used` (M,) tells the links that were
    believed; `trend` (2, 2) maps stage steps to steps in the picture; `spread` is the deviation of
    believed links from the trend along one axis. All but `trend` in the unit of the stage positions.
    """

    positions: Floats
    residuals: Floats
    used: Bools
    trend: Floats
    spread: float


def solve(stage: Floats, links: Links, *, grain: float, reach: float) -> Solution:
    """Positions (N, 2) of fields whose stage positions are `stage` (N, 2).

    `grain` is the error that a good measurement may have (a fraction of a pixel), `reach` how far the stage
    may be off, in the unit of `stage`: their ratio is the weight of the stage.
    """
    trend = fit_trend(stage, links, grain)
    middle = stage.mean(axis=0)
    prior = middle + (stage - middle) @ trend.T
    away = np.linalg.norm(links.shift - (prior[links.b] - prior[links.a]), axis=1)
    spread = _spread(away, grain)
    hope = (grain / reach) ** 2
    used = _confirmed(len(stage), links, away > max(6 * spread, 12 * grain))
    # Odd links begin with little weight, so that they convince only where nothing contradicts them.
    weight = np.where(used, links.weight * np.maximum(_belief(away, 3 * spread), _BENEFIT_OF_DOUBT), 0.0)
    for _ in range(_ITERATIONS if used.any() else 0):
        gaps = np.linalg.norm(_residuals(least_squares(prior, links, weight, hope), links), axis=1)
        scale = _spread(gaps[used], grain)
        weight = np.where(used, links.weight * _belief(gaps, 3 * scale), 0.0)
    if used.any():
        used &= gaps <= max(4 * scale, 4 * grain)
    positions = least_squares(prior, links, np.where(used, links.weight, 0.0), hope)
    return Solution(positions, _residuals(positions, links), used, trend, _spread(away[used], 0.0))


def fit_trend(stage: Floats, links: Links, grain: float) -> Floats:
    """The (2, 2) map from stage steps to measured shifts with the least sum of distances, so that it follows
    the majority.

    One imaginary link along each axis says that camera and stage are parallel: a single link turns no mosaic.
    """
    if not len(links.a):
        return np.eye(2)
    real = stage[links.b] - stage[links.a]
    imaginary = math.sqrt(float(np.mean(np.sum(real**2, axis=1)))) * np.eye(2)
    steps, shifts = np.concatenate([real, imaginary]), np.concatenate([links.shift, imaginary])
    trust = np.concatenate([links.weight, np.full(2, float(np.mean(links.weight)))])
    trend: Floats = np.eye(2)
    for _ in range(_ITERATIONS):
        gaps = np.linalg.norm(shifts - steps @ trend.T, axis=1)
        weighted = steps * (trust / np.maximum(gaps, grain))[:, None]
        trend = np.asarray(np.linalg.solve(weighted.T @ steps, weighted.T @ shifts).T)
    return trend


def least_squares(prior: Floats, links: Links, weight: Floats, hope: float) -> Floats:
    """The positions (N, 2) that minimise sum(weight |p_b - p_a - shift|²) + hope sum(|p - prior|²)."""
    count, pairs = len(prior), len(links.a)
    rows = np.concatenate([np.arange(pairs), np.arange(pairs)])
    signs = np.concatenate([-np.ones(pairs), np.ones(pairs)])
    columns = np.concatenate([links.a, links.b])
    steps = sparse.csr_matrix((signs, (rows, columns)), shape=(pairs, count))
    weighted = steps.T @ sparse.diags(weight)
    # Solved for what differs from the prior: small numbers lose nothing, and a lone field stays where it is.
    sides = weighted @ (links.shift - (prior[links.b] - prior[links.a]))
    normal = (weighted @ steps + hope * sparse.identity(count)).tocsc()
    return np.asarray(prior + splu(normal).solve(sides))


def _residuals(positions: Floats, links: Links) -> Floats:
    return links.shift - (positions[links.b] - positions[links.a])


def _belief(gaps: Floats, scale: float) -> Floats:
    """Weight of a link that is `gaps` off, by Geman and McClure: one when right, next to nothing far away."""
    return np.asarray(1 / (1 + (gaps / scale) ** 2) ** 2)


def _spread(gaps: Floats, least: float) -> float:
    """Standard deviation along one axis, from the median length; at least `least`."""
    return max(float(np.median(gaps)) / _MEDIAN_OF_LENGTH, least) if len(gaps) else least


def _confirmed(count: int, links: Links, odd: Bools) -> Bools:
    """Which links may count: those that are not `odd`, and odd ones that another link between the same parts
    of the mosaic can confirm or contradict. A lone odd link would move a part with nothing to check it.
    """
    parts = parts_of(count, links.where(~odd))
    ends = np.sort(np.stack([parts[links.a], parts[links.b]], axis=1), axis=1)
    _, which, sharing = np.unique(ends[odd], axis=0, return_inverse=True, return_counts=True)
    confirmed = ~odd
    same = ends[odd, 0] == ends[odd, 1]
    confirmed[odd] = same | (sharing[which.reshape(-1)] > 1)
    return np.asarray(confirmed)


def parts_of(count: int, links: Links) -> NDArray[np.int64]:
    """For each field the number of the connected part of the mosaic that it belongs to."""
    graph = sparse.coo_matrix((np.ones(len(links.a)), (links.a, links.b)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)
