"""What the gate's walkers say: byte streams, findings, pictures, each with its place; and what they cost."""

import zlib
from dataclasses import dataclass, field
from typing import Any, Final

from deidentify.gate.errors import CannotJudge
from deidentify.gate.needles import Grade

MOST_INFLATED: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Stream:
    place: str
    grade: Grade
    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be there at all, whatever it says: a label, a barcode."""

    place: str
    how: str
    what: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG or JPEG file, or pixels. ``may_show_words``: it is no level of the slide, so somebody must read
    it."""

    place: str
    data: Any
    may_show_words: bool = True


@dataclass(slots=True)
class Budget:
    """How much may still be inflated: a bomb is a file that cannot be judged. What was met on the way: the
    pictures, and what was left closed and why."""

    inflated: int = MOST_INFLATED
    pictures: list[Picture] = field(default_factory=list)
    unopened: list[str] = field(default_factory=list)

    def take(self, count: int, place: str) -> None:
        self.inflated -= count
        if self.inflated < 0:
            raise CannotJudge(f"{place}: inflates to more than {MOST_INFLATED >> 20} MiB")


def inflate(place: str, data: bytes, budget: Budget) -> bytes:
    """One zlib stream; empty when it is none. What follows it stays in the raw search of its holder."""
    machine = zlib.decompressobj()
    try:
        result = machine.decompress(data, max(budget.inflated, 1))
    except zlib.error:
        return b""
    budget.take(len(result) + (1 if machine.unconsumed_tail else 0), place)
    return result
