"""How much reading is allowed: the rule written for cytology, scaled to the hours a person reads."""

from typing import Final

SLIDES_PER_SHIFT: Final = 100
SHIFT_HOURS: Final = 8.0
ASSIGN_AGAIN_S: Final = 300.0  # a slide that no reader has room for is tried again after this long


def working_week() -> list[float]:
    """The hours of an ordinary week, Monday first."""
    return [SHIFT_HOURS] * 5 + [0.0, 0.0]


def daily_limit(hours: float = SHIFT_HOURS) -> int:
    """The slides one person may read in a day of `hours`: 100 in 8 hours, and never more than the rule
    allows.
    """
    return int(SLIDES_PER_SHIFT * max(0.0, min(hours, SHIFT_HOURS)) / SHIFT_HOURS)
