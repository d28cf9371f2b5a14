"""A reader's day while it is being filled."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from annotation.planning.model import Day

MOMENT = 1e-6  # minutes: sums of floats are not to the bit


@dataclass(frozen=True, eq=False)
class Block:
    """The waiting slides of one case, which stay together, and the readers who may have them."""

    case: int
    tissue: str
    slides: tuple[int, ...]
    readers: frozenset[int]

    def __len__(self) -> int:
        return len(self.slides)


class Desk:
    """A day with what was laid on it: `movable` cases may still go to another desk, `kept` slides not."""

    def __init__(self, day: Day) -> None:
        self.day = day
        self.count = day.listed
        self.minutes = day.listed_minutes
        self.movable: list[Block] = []
        self.kept: list[int] = []

    @property
    def room(self) -> int:
        return max(0, self.day.slides - self.count)

    @property
    def free_minutes(self) -> float:
        return self.day.minutes - self.minutes + MOMENT

    @property
    def share(self) -> float:
        return self.day.share(self.count, self.minutes)

    def cost(self, block: Block) -> float:
        return self.day.minutes_for(block.tissue, len(block))

    def fits(self, block: Block) -> bool:
        return len(block) <= self.room and self.cost(block) <= self.free_minutes

    def could_hold(self, block: Block) -> bool:
        """Whether an empty day of today's length holds the case."""
        return len(block) <= self.day.slides and self.cost(block) <= self.day.minutes

    def ever_fits(self, block: Block) -> bool:
        """Whether the longest day of this reader's week holds the case."""
        return len(block) <= self.day.usual_slides and self.cost(block) <= self.day.usual_minutes + MOMENT

    def fitting(self, tissue: str) -> int:
        """How many slides of a tissue still fit."""
        each = self.day.minutes_for(tissue, 1)
        return max(0, min(self.room, int(self.free_minutes / each)))

    def share_with(self, block: Block) -> float:
        return self.day.share(self.count + len(block), self.minutes + self.cost(block))

    def lay(self, block: Block) -> None:
        self.movable.append(block)
        self._add(len(block), self.cost(block))

    def take_off(self, block: Block) -> None:
        self.movable.remove(block)
        self._add(-len(block), -self.cost(block))

    def lay_instead(self, blocks: list[Block]) -> None:
        """These cases in place of all that may move."""
        if blocks != self.movable:
            for block in self.movable:
                self._add(-len(block), -self.cost(block))
            self.movable = []
            for block in blocks:
                self.lay(block)

    def keep(self, block: Block, slides: Sequence[int]) -> None:
        """Some slides of a case that is bound to this reader."""
        self.kept.extend(slides)
        self._add(len(slides), self.day.minutes_for(block.tissue, len(slides)))

    def slides(self) -> list[int]:
        return [*self.kept, *chain.from_iterable(block.slides for block in self.movable)]

    def _add(self, slides: int, minutes: float) -> None:
        self.count += slides
        self.minutes += minutes
