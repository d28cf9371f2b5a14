"""How much reading is allowed: the rule written for cytology, scaled to the hours a person reads. Pure."""

import hashlib
from collections.abc import Mapping
from typing import Final
from uuid import UUID

SLIDES_PER_SHIFT: Final = 100
SHIFT_HOURS: Final = 8.0
MINUTES_PER_SLIDE: Final = 60 * SHIFT_HOURS / SLIDES_PER_SHIFT  # what the rule expects, until we have learned
ASSIGN_AGAIN_S: Final = 300.0  # a slide that no reader has room for is tried again after this long
ENOUGH: Final = 20.0  # readings after which a person's own pace counts as much as everybody's
SHORTEST_MINUTES: Final = 0.5  # no slide is expected to take less
LEARN_DAYS: Final = 120  # how far back a person's pace is looked for


def working_week() -> list[float]:
    """The hours of an ordinary week, Monday first."""
    return [SHIFT_HOURS] * 5 + [0.0, 0.0]


def daily_limit(hours: float = SHIFT_HOURS) -> int:
    """The slides one person may read in a day of `hours`: 100 in 8 hours, and never more than the rule
    allows.
    """
    return int(SLIDES_PER_SHIFT * max(0.0, min(hours, SHIFT_HOURS)) / SHIFT_HOURS)


def slides_in(hours: float, limit: int) -> int:
    """The slides of a day: the person's own limit, and never more than the rule allows in these hours."""
    return min(limit, daily_limit(hours))


def drawn(slide: UUID, study: int, share: float) -> bool:
    """Whether a slide is one of those that a second reader sees too: decided by its uid, for good."""
    digest = hashlib.sha256(f"{study}:{slide}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def shrunk(total: float, count: int, towards: float) -> float:
    """The mean of `count` measured minutes, drawn towards a wider mean while there are few of them."""
    return max(SHORTEST_MINUTES, (total + ENOUGH * towards) / (count + ENOUGH))


def paces(
    measured: Mapping[tuple[int, str], tuple[float, int]],
) -> tuple[float, dict[tuple[int, str], float]]:
    """Minutes a slide, of everybody and by (reader, tissue), from sums of minutes with their counts; reader 0
    is everybody.

    A person's pace for a tissue is drawn towards everybody's for it, that towards the overall mean, and the
    overall mean towards the rule.
    """
    tissues: dict[str, tuple[float, int]] = {}
    for (_, tissue), (total, count) in measured.items():
        so_far = tissues.get(tissue, (0.0, 0))
        tissues[tissue] = (so_far[0] + total, so_far[1] + count)
    minutes, counts = (sum(part) for part in zip(*measured.values(), strict=True)) if measured else (0.0, 0)
    overall = shrunk(minutes, int(counts), MINUTES_PER_SLIDE)
    by_tissue = {tissue: shrunk(*sums, overall) for tissue, sums in tissues.items()}
    everybody = {(0, tissue): pace for tissue, pace in by_tissue.items()}
    return overall, everybody | {key: shrunk(*sums, by_tissue[key[1]]) for key, sums in measured.items()}
