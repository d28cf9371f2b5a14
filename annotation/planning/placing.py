"""Cases are laid on desks, the most urgent first; where all are full, room is made by moving others."""

from collections.abc import Iterable, Mapping
from datetime import date

from annotation.planning.desks import Block, Desk
from annotation.planning.model import Waiting, Why

Desks = Mapping[int, Desk]


def place_all(desks: Desks, waiting: Iterable[Waiting]) -> dict[int, Why]:
    """Lay what fits; {slide: why} for what does not."""
    waits: dict[int, Why] = {}
    hopeless: set[tuple[frozenset[int], str, int]] = set()  # searched in vain since anything was laid
    for parts in _cases(waiting):
        able = [reader for reader, desk in desks.items() if parts[0].tissue in desk.day.tissues]
        block = _block(parts, able, desks)
        key = (block.readers, block.tissue, len(block))
        if parts[0].holder not in block.readers and key in hopeless:
            waits |= dict.fromkeys(block.slides, Why.FULL)
            continue
        laid, why = _place(desks, block, parts[0].holder, able)
        waits |= dict.fromkeys(block.slides[laid:], why)
        if laid:
            hopeless.clear()
        elif why == Why.FULL:
            hopeless.add(key)
    return waits


def _cases(waiting: Iterable[Waiting]) -> list[list[Waiting]]:
    """The waiting slides by case and strand, the most urgent case first."""
    groups: dict[tuple[int, str], list[Waiting]] = {}
    for one in waiting:
        groups.setdefault((one.case, one.strand), []).append(one)
    for parts in groups.values():
        parts.sort(key=lambda one: one.slide)
    return sorted(groups.values(), key=_urgency)


def _urgency(parts: list[Waiting]) -> tuple[int, date, date, int, str]:
    first = parts[0]
    return first.priority, first.due or date.max, first.received, first.case, first.strand


def _block(parts: list[Waiting], able: list[int], desks: Desks) -> Block:
    first = parts[0]
    barred = frozenset().union(*(one.not_for for one in parts))
    allowed = frozenset(
        reader
        for reader in able
        if reader not in barred and not desks[reader].day.away and first.case not in desks[reader].day.recused
    )
    return Block(first.case, first.tissue, tuple(one.slide for one in parts), allowed)


def _place(desks: Desks, block: Block, holder: int | None, able: list[int]) -> tuple[int, Why]:
    """How many slides of the case were laid, and why the rest waits."""
    if holder in block.readers:
        return _lay_part(desks, block, desks[holder]), Why.HOLDER
    if not block.readers:
        return 0, _why_none(desks, block, able)
    today = [desks[reader] for reader in sorted(block.readers) if desks[reader].day.slides > 0]
    if not today:
        return 0, Why.AWAY
    if not any(desks[reader].ever_fits(block) for reader in block.readers):
        widest = min(today, key=lambda desk: (-desk.fitting(block.tissue), desk.share, desk.day.reader))
        return _lay_part(desks, block, widest), Why.LARGE
    open_ones = [desk for desk in today if desk.fits(block)]
    if open_ones:
        min(open_ones, key=lambda desk: (desk.share_with(block), desk.day.reader)).lay(block)
        return len(block), Why.FULL
    return _lay_by_moving(desks, block, today), Why.FULL


def _why_none(desks: Desks, block: Block, able: list[int]) -> Why:
    if not able:
        return Why.NOBODY
    here = [reader for reader in able if not desks[reader].day.away]
    return Why.EXCLUDED if here else Why.AWAY


def _lay_part(desks: Desks, block: Block, desk: Desk) -> int:
    """As many slides of the case as the day of its one reader holds."""
    if desk.day.slides and desk.fitting(block.tissue) < len(block):
        _clear(desks, desk, len(block), desk.cost(block), {desk.day.reader})
    count = min(len(block), desk.fitting(block.tissue))
    desk.keep(block, block.slides[:count])
    return count


def _lay_by_moving(desks: Desks, block: Block, today: list[Desk]) -> int:
    if sum(desk.fitting(block.tissue) for desk in desks.values()) < len(block):
        return 0  # moving makes no room that is not there
    seen: set[int] = set()
    before = {reader: list(desk.movable) for reader, desk in desks.items()}
    for desk in today:
        if desk.day.reader in seen or not desk.could_hold(block):
            continue
        seen.add(desk.day.reader)
        if _clear(desks, desk, len(block), desk.cost(block), seen):
            desk.lay(block)
            return len(block)
    for reader, blocks in before.items():
        desks[reader].lay_instead(blocks)
    return 0


def _clear(desks: Desks, desk: Desk, slides: int, minutes: float, seen: set[int]) -> bool:
    """Make room for so much on a desk by moving one case after another to desks that can take them, which may
    make room themselves. Each desk is asked once.
    """
    stuck: set[tuple[str, int, frozenset[int]]] = set()  # kinds of cases that found no other desk
    for moving in sorted(desk.movable, key=len):
        if slides <= desk.room and minutes <= desk.free_minutes:
            break
        kind = (moving.tissue, len(moving), moving.readers)
        target = None if kind in stuck else _target(desks, moving, seen)
        if target is None:
            stuck.add(kind)
        else:
            desk.take_off(moving)
            target.lay(moving)
    return slides <= desk.room and minutes <= desk.free_minutes


def _target(desks: Desks, moving: Block, seen: set[int]) -> Desk | None:
    """Where a case can go: a desk with room, or one that can make it."""
    others = [desks[reader] for reader in sorted(moving.readers - seen) if desks[reader].day.slides > 0]
    open_ones = [desk for desk in others if desk.fits(moving)]
    if open_ones:
        return min(open_ones, key=lambda desk: (desk.share_with(moving), desk.day.reader))
    for desk in others:
        seen.add(desk.day.reader)
        if _clear(desks, desk, len(moving), desk.cost(moving), seen):
            return desk
    return None
