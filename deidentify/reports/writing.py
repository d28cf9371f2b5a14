"""What stands in the place of what was found."""

import hmac
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from rapidfuzz.distance import OSA

from deidentify.known import Known, name_words, parse_day
from deidentify.reports.surrogates import another_number, pick_name

OLDEST_YEARS: Final = 89
LEAST_SECRET: Final = 16
_WORD: Final = re.compile(r"[^\W\d_][^\W_]*")
_TITLES: Final = frozenset({"dr", "mr", "mrs", "ms", "miss", "prof", "md", "the", "and", "patient"})


class Names(StrEnum):
    """How people are written: the category, the category with a number for each person of the report, or an
    invented name, the same wherever this patient's reports name this person."""

    CATEGORY = "category"
    NUMBERED = "numbered"
    SURROGATES = "surrogates"


@dataclass(frozen=True, slots=True)
class Policy:
    """Dates: the year only, or shifted by ``shift_days`` when that is given (one value per patient). Names as
    ``names`` says; invented ones are drawn by ``secret`` (one per patient, at least 16 bytes). Of a slide,
    ``covered`` are the regions to make plain: left, top, width, height in px of its finest level.
    """

    version: str = "1"
    shift_days: int | None = None
    names: Names = Names.CATEGORY
    secret: bytes = field(default=b"", repr=False)
    covered: tuple[tuple[int, int, int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.names is Names.SURROGATES and len(self.secret) < LEAST_SECRET:
            raise ValueError(f"invented names want a secret of {LEAST_SECRET} bytes or more")

    @property
    def name(self) -> str:
        """For the record, at most 20 characters; neither the days nor the secret."""
        shift = "+shift" if self.shift_days is not None else ""
        return f"{self.version}{shift}" + ("" if self.names is Names.CATEGORY else f"+{self.names}")


def date_written(written: str, policy: Policy) -> str:
    """A shifted day as YYYY-MM-DD, or ``[DATE YYYY]``; a year so long ago that it tells of an age above 89 is
    not said."""
    moment = parse_day(written)
    if policy.shift_days is not None and moment is not None and not _too_old(moment.year):
        return f"{moment + timedelta(days=policy.shift_days):%Y-%m-%d}"
    return year_only(written)


def year_only(written: str) -> str:
    """``[DATE YYYY]``, or ``[DATE]`` where no year is said or it is too long ago."""
    moment = parse_day(written)
    found = re.search(r"(?<!\d)((?:19|20)\d{2})(?!\d)", written)
    year = moment.year if moment else int(found.group(1)) if found else None
    return f"[DATE {year}]" if year is not None and not _too_old(year) else "[DATE]"


def _too_old(year: int) -> bool:
    return year < date.today().year - OLDEST_YEARS


@dataclass(slots=True)
class Person:
    """Words by which a report calls one person: those it was ``first`` known by, and all since. ``number``
    counts in the order of appearance, 0 before.
    """

    first: frozenset[str]
    words: set[str] = field(default_factory=set)
    given: tuple[str, ...] = ()
    number: int = 0

    def __post_init__(self) -> None:
        self.words |= self.first

    def likeness(self, called: set[str]) -> int:
        """How many of these words are this person's, whole, misspelt or in part."""
        return sum(any(_same(word, own) for own in self.words) for word in called)


def _same(word: str, own: str) -> bool:
    if word == own or (len(word) == 1 and own.startswith(word)):
        return True
    if len(word) >= 5 and len(own) >= 5 and OSA.distance(word, own, score_cutoff=1) <= 1:
        return True
    return 2 < len(word) < len(own) and (own.startswith(word) or own.endswith(word))


class Writer:
    """Says the same of the same person and of the same number throughout one report."""

    def __init__(self, known: Known, policy: Policy) -> None:
        self.policy = policy
        self.forbidden = frozenset(word.lower() for word in name_words(known))
        self.people = [Person(frozenset(_words(name)), given=_given(name)) for name in known.names]
        self.numbers: dict[tuple[str, str], int] = {}
        self.met = 0

    def say(self, kind: str, text: str) -> str:
        if self.policy.names is Names.CATEGORY or kind in ("DATE", "AGE"):
            return f"[{kind}]"
        if kind == "NAME":
            return self._person(text)
        if kind == "ID" and self.policy.names is Names.SURROGATES:
            return another_number(self.policy.secret, text)
        seen = self.numbers.setdefault((kind, re.sub(r"\W", "", text).lower()), self._next(kind))
        return f"[{kind}-{seen}]"

    def _next(self, kind: str) -> int:
        return 1 + sum(one == kind for one, _ in self.numbers)

    def _person(self, text: str) -> str:
        called = _words(text)
        person = max(self.people, key=lambda one: one.likeness(called), default=None)
        if person is None or not person.likeness(called):
            person = Person(frozenset(called))
            self.people.append(person)
        elif person.number:
            person.words |= {word for word in called if len(word) > 2}
        if not person.number:
            self.met += 1
            person.number = self.met
        if self.policy.names is Names.NUMBERED:
            return f"[NAME-{person.number}]"
        drawn = hmac.digest(self.policy.secret, " ".join(sorted(person.first)).encode(), "sha256")
        return pick_name(drawn, text, person.given, self.forbidden | person.words)


def _words(text: str) -> set[str]:
    return {word for word in map(str.lower, _WORD.findall(text)) if word not in _TITLES}


def _given(name: str) -> tuple[str, ...]:
    """The given names of a known one: before the last word, or after a comma."""
    head, comma, tail = name.partition(",")
    words = [word for word in map(str.lower, _WORD.findall(tail if comma else head)) if word not in _TITLES]
    return tuple(words if comma else words[:-1])
