"""The lightest fullest day when cases could be cut (a linear programme), rounded to whole cases."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from annotation.planning.desks import Block, Desk

Numbers = NDArray[np.float64]
Kind = tuple[str, int, frozenset[int]]  # cases of one size, tissue and set of readers are alike
Kinds = dict[Kind, list[Block]]
Places = list[tuple[Kind, int]]
NEAR = 1.02  # so near to the bound, nothing is gained


def rounded(desks: list[Desk], peak: float) -> list[list[Block]] | None:
    """The movable cases of each desk as the ideal has them; None where the fullest day, at `peak`, is near it
    already. What the ideal cuts is still to be laid: it stands in the list after the last desk.
    """
    kinds: Kinds = {}
    for desk in desks:
        for block in desk.movable:
            kinds.setdefault((block.tissue, len(block), block.readers), []).append(block)
    places = [(kind, d) for kind in kinds for d, desk in enumerate(desks) if desk.day.reader in kind[2]]
    found = _ideal(desks, kinds, places)
    if found is None or peak <= NEAR * found[-1]:
        return None
    lain: list[list[Block]] = [[] for _ in desks]
    left = {kind: list(blocks) for kind, blocks in kinds.items()}
    for (kind, d), count in zip(places, found, strict=False):
        lain[d] += [left[kind].pop(0) for _ in range(int(count + 1e-6))]
    return [*lain, [block for blocks in left.values() for block in blocks]]


def _ideal(desks: list[Desk], kinds: Kinds, places: Places) -> list[float] | None:
    """How many cases of each kind go where, and at the end the share of the fullest day."""
    limits, most = _below_the_peak(desks, kinds, places)
    whole = [[float(kind == one) for kind, _ in places] + [0.0] for one in kinds]
    counts = [float(len(blocks)) for blocks in kinds.values()]
    found = linprog([*(0.0 for _ in places), 1.0], limits, most, whole, counts)
    return [float(value) for value in found.x] if found.status == 0 else None


def _below_the_peak(desks: list[Desk], kinds: Kinds, places: Places) -> tuple[Numbers, list[float]]:
    """On no desk more slides, and no more minutes, than the peak's share of its day."""
    rows, most = [], []
    for d, desk in enumerate(desks):
        here = [d == other for _, other in places]
        moving = sum(len(block) for block in desk.movable)
        cost = sum(desk.cost(block) for block in desk.movable)
        slides = [kind[1] * flag for (kind, _), flag in zip(places, here, strict=True)]
        minutes = [desk.cost(kinds[kind][0]) * flag for (kind, _), flag in zip(places, here, strict=True)]
        rows += [[*slides, -desk.day.slides], [*minutes, -desk.day.minutes]]
        most += [moving - desk.count, cost - desk.minutes]
    return np.array(rows, dtype=float), most
