"""What a plan is made from, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from annotation.policy import MINUTES_PER_SLIDE


class Why(StrEnum):
    """Why a slide waits, in the words of the page; `{tissue}` is the tissue's name."""

    NOBODY = "nobody on the rota reads {tissue}"
    EXCLUDED = "everybody who reads {tissue} gave it back, has read it or must not"
    AWAY = "nobody reads {tissue} today"
    FULL = "no day has room left for this case"
    HOLDER = "its reader has the case and no room left today"
    LARGE = "the case is larger than a day; its reader goes on with it"


@dataclass(frozen=True)
class Day:
    """One reader's day: its two limits, what stands on the list already, and what this person may read."""

    reader: int
    tissues: frozenset[str]
    slides: int  # at most so many; 0 on a day off
    minutes: float
    listed: int = 0
    listed_minutes: float = 0.0
    usual_slides: int = 0  # of the longest day of the week: a case above it is never read in one day
    usual_minutes: float = 0.0
    away: bool = False  # on leave: what this person holds goes to others
    pace: Mapping[str, float] = field(default_factory=dict)  # minutes for a slide of each tissue
    recused: frozenset[int] = frozenset()  # cases

    def share(self, slides: int, minutes: float) -> float:
        """How full the day is with so much on it, by the limit that is nearer; a day off holds nothing."""
        if self.slides and self.minutes:
            return max(slides / self.slides, minutes / self.minutes)
        return float(slides > 0)

    def minutes_for(self, tissue: str, slides: int) -> float:
        return slides * self.pace.get(tissue, MINUTES_PER_SLIDE)


@dataclass(frozen=True)
class Waiting:
    """One slide without a reader."""

    slide: int
    case: int
    tissue: str
    received: date
    strand: str = "first"  # a second reading of the case is shared out by itself
    priority: int = 2  # the lowest goes first
    due: date | None = None
    holder: int | None = None  # who reads the rest of the case
    not_for: frozenset[int] = frozenset()  # who gave it back, or has read it already


@dataclass(frozen=True)
class Plan:
    """Who reads which slide, why the others wait, and how full each day is (1 is full)."""

    reads: dict[int, int]
    waits: dict[int, Why]
    shares: dict[int, float]
