"""The cases laid in this plan are moved and swapped until no two days differ by more than they must."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from annotation.planning.desks import MOMENT, Block, Desk
from annotation.planning.ideal import rounded

EVEN = 0.0025  # two days that differ by less than this share of a day are equally full
ROUNDS = 40
MANY = 300  # so many cases even out two desks at a time; fewer start once more from the ideal

Numbers = NDArray[np.float64]


class Change(NamedTuple):
    """A case goes over, another may come back."""

    over: Block
    back: Block | None


def even_out(desks: list[Desk]) -> None:
    """Make the fullest day as light as it gets: from how the cases lie, and where the bound says that more
    can be gained, from the ideal and from the largest case down. A day that is overfull has no say.
    """
    working = [desk for desk in desks if desk.day.slides and desk.day.minutes and desk.share <= 1 + MOMENT]
    cases = sum(len(desk.movable) for desk in working)
    if cases == 0:
        return
    best = _settle(working)
    ideal = rounded(working, best) if 1 < cases <= MANY else None
    if ideal is None:
        return
    kept = [list(desk.movable) for desk in working]
    afresh: list[list[Block]] = [*([] for _ in working), [block for blocks in kept for block in blocks]]
    for start in (ideal, afresh):
        if _lay(working, start) and (peak := _settle(working)) < best:
            best, kept = peak, [list(desk.movable) for desk in working]
    _lay(working, [*kept, []])


def _lay(desks: list[Desk], lain: list[list[Block]]) -> bool:
    """Lay the cases so, and those of the last list where there is most room; whether all found a place."""
    for desk, blocks in zip(desks, lain, strict=False):
        desk.lay_instead(blocks)
    for block in sorted(lain[-1], key=lambda block: (-len(block), block.case)):
        able = [desk for desk in desks if desk.day.reader in block.readers and desk.fits(block)]
        if not able:
            return False
        min(able, key=lambda desk: (desk.share_with(block), desk.day.reader)).lay(block)
    return True


def _settle(desks: list[Desk]) -> float:
    """Pair by pair, the widest gap first, until a round changes nothing; the fullest day then. Each change
    lowers the fuller day of its pair, so that a case can travel over several desks.
    """
    for _ in range(ROUNDS):
        pairs = sorted(combinations(desks, 2), key=lambda pair: -abs(pair[0].share - pair[1].share))
        changed = [_level(one, other) for one, other in pairs]
        if not any(changed):
            break
    return max(desk.share for desk in desks)


def _level(one: Desk, other: Desk) -> bool:
    """Whether changes brought these two days nearer to each other."""
    changed = False
    while abs(one.share - other.share) > EVEN:
        full, light = (one, other) if one.share > other.share else (other, one)
        change = _best(full, light)
        if change is None:
            break
        _apply(full, light, change)
        changed = True
    return changed


def _best(full: Desk, light: Desk) -> Change | None:
    """The change after which the fuller of the two is lightest; None where none helps."""
    overs, backs = _kinds(full, light), _kinds(light, full)
    if not overs:
        return None
    peaks = _peaks(full, light, overs, backs)
    over, back = np.unravel_index(int(np.argmin(peaks)), peaks.shape)
    better = peaks[over, back] < full.share - EVEN / 4
    return Change(overs[over], backs[back - 1] if back else None) if better else None


def _kinds(source: Desk, target: Desk) -> list[Block]:
    """One case of each kind that may go from one desk to the other: like cases are alike here."""
    kinds = {
        (block.tissue, len(block)): block
        for block in reversed(source.movable)
        if target.day.reader in block.readers
    }
    return list(kinds.values())


def _peaks(full: Desk, light: Desk, overs: list[Block], backs: list[Block]) -> Numbers:
    """The fuller day after each change (column 0: nothing comes back); infinite where a limit forbids it."""
    slides = _table([len(block) for block in overs], [len(block) for block in backs])
    leaves = _table([full.cost(block) for block in overs], [full.cost(block) for block in backs])
    comes = _table([light.cost(block) for block in overs], [light.cost(block) for block in backs])
    fits = (-full.room <= slides) & (slides <= light.room)
    fits &= (comes <= light.free_minutes) & (-leaves <= full.free_minutes)
    fuller = _shares(full, -slides, -leaves)
    peaks: Numbers = np.where(fits, np.maximum(fuller, _shares(light, slides, comes)), np.inf)
    return peaks


def _table(over: Sequence[float], back: Sequence[float]) -> Numbers:
    table: Numbers = np.subtract.outer(np.array(over, dtype=float), np.array([0.0, *back]))
    return table


def _shares(desk: Desk, slides: Numbers, minutes: Numbers) -> Numbers:
    """`Day.share` for many changes at once."""
    by_count, by_time = (desk.count + slides) / desk.day.slides, (desk.minutes + minutes) / desk.day.minutes
    fuller: Numbers = np.maximum(by_count, by_time)
    return fuller


def _apply(full: Desk, light: Desk, change: Change) -> None:
    full.take_off(change.over)
    if change.back is not None:
        light.take_off(change.back)
        full.lay(change.back)
    light.lay(change.over)
