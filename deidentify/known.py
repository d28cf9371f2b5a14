"""What the laboratory knows about a person, and the patterns that find it in running text."""

import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Self

from deidentify.errors import BadKnownValues

KINDS: Final = ("names", "identifiers", "dates", "other")
_HONORIFICS: Final = frozenset(
    {"dr", "mr", "mrs", "ms", "miss", "md", "do", "phd", "prof", "jr", "sr", "rn", "pa", "np", "facp"}
)
_LOOKALIKES: Final = {
    **dict.fromkeys("o0", "[o0]"), **dict.fromkeys("il1", "[il1|!]"), **dict.fromkeys("s5", "[s5$]"),
    **dict.fromkeys("b8", "[b8]"), **dict.fromkeys("z2", "[z2]"), **dict.fromkeys("g6", "[g6]"),
    "q": "[qg9]", "9": "[9gq]", "m": "(?:m|rn|ni)", "e": "[ec]", "w": "(?:w|vv)", "n": "(?:n|ri)",
}  # fmt: skip
_SEPARATORS: Final = r"[\s,.\-_/^']{0,3}"


@dataclass(frozen=True, slots=True)
class Known:
    """Known values by kind. The JSON form is the contract of the commands."""

    names: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    other: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, raw: Any) -> Self:
        if not isinstance(raw, dict) or set(raw) - set(KINDS):
            raise BadKnownValues(f"known values are an object with the keys {', '.join(KINDS)}")
        for kind, values in raw.items():
            if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
                raise BadKnownValues(f"{kind} is a list of texts")
        known = cls(
            **{kind: tuple(value.strip() for value in raw.get(kind, []) if value.strip()) for kind in KINDS}
        )
        if known == cls():
            raise BadKnownValues("no known value is given: nothing could be proved about the result")
        return known

    @classmethod
    def read(cls, path: Path) -> Self:
        try:
            return cls.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise BadKnownValues(f"the known values cannot be read: {error}") from error

    def with_more(self, others: "Known") -> "Known":
        """These values and the others, each once."""
        return Known(**{
            kind: tuple(dict.fromkeys((*getattr(self, kind), *getattr(others, kind)))) for kind in KINDS
        })  # fmt: skip

    def as_json(self) -> str:
        return json.dumps({kind: list(getattr(self, kind)) for kind in KINDS})


def name_words(known: Known) -> list[str]:
    """Each word of each name, without titles and initials; the longest first."""
    words = {word for name in known.names for word in re.split(r"[\s,^.;/_]+", name)}
    words |= {piece for word in words for piece in word.split("-")}
    return sorted(
        (w for w in words if len(w) >= 2 and w.lower() not in _HONORIFICS), key=lambda w: (-len(w), w)
    )


def loose_pattern(value: str) -> str:
    """A pattern for the value with any, other or no separators between its groups of letters and digits."""
    groups = re.findall(r"[^\W_]+", value)
    return _SEPARATORS.join(re.escape(group) for group in groups) if groups else re.escape(value)


def digits_pattern(value: str) -> str | None:
    """A long number may be written in groups: any one separator may stand between its digits."""
    bare = re.sub(r"[^0-9A-Za-z]", "", value)
    if len(bare) < 6 or not any(mark.isdigit() for mark in bare):
        return None
    return r"[\s.\-_/]?".join(re.escape(mark) for mark in bare)


def misread_pattern(value: str, between: str = "") -> str:
    """A pattern for the value with any character taken for one that looks like it, as OCR does; ``between``
    may stand between characters.
    """
    marks = re.sub(r"[\W_]", "", value).lower()
    return between.join(_LOOKALIKES.get(mark, re.escape(mark)) for mark in marks)


def date_patterns(value: str) -> list[str]:
    """Patterns for the ways to write this day, or the value itself when it is no day that can be read."""
    moment = parse_day(value)
    if moment is None:
        return [loose_pattern(value)]
    y, m, d = f"{moment.year}", moment.month, moment.day
    short, mark = y[2:], r"[\s/.\-]{1,2}"
    month = f"{moment:%B}"
    sept = r"|Sept\.?" if m == 9 else ""
    named = rf"(?:{month}|{month[:3]}\.?{sept})"
    year = rf"(?:{y}|'?{short})"
    pairs = (rf"0?{m}{mark}0?{d}", rf"0?{d}{mark}0?{m}")
    return [
        *(rf"{pair}{mark}{year}" for pair in pairs),
        rf"{y}{mark}0?{m}{mark}0?{d}",
        rf"{y}{m:02d}{d:02d}",
        rf"{m:02d}{d:02d}{y}",
        rf"{named}[\s,\-]*0?{d}(?:st|nd|rd|th)?[\s,\-]*{year}",
        rf"0?{d}(?:st|nd|rd|th)?(?:\s+of)?[\s,\-]*{named}[\s,\-]*{year}",
    ]


def parse_day(value: str) -> date | None:
    """A day written as YYYY-MM-DD, MM/DD/YYYY, DD.MM.YYYY, MM/DD/YY or with the month's name."""
    shapes = (
        (r"(\d{4})[-/. ]?(\d{2})[-/. ]?(\d{2})(?:[T ].*)?", (1, 2, 3)),
        (r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})", (3, 1, 2)),
        (r"(\d{1,2})[.\-](\d{1,2})[.\-](\d{4})", (3, 2, 1)),
    )
    for pattern, (a, b, c) in shapes:
        match = re.fullmatch(pattern, value)
        if match:
            return _day(int(match[a]), int(match[b]), int(match[c])) or _day(
                int(match[a]), int(match[c]), int(match[b])
            )
    match = re.fullmatch(
        r"(?P<m>[A-Za-z]{3,9})\.?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y>\d{4})", value
    ) or re.fullmatch(r"(?P<d>\d{1,2})[\s\-]*(?P<m>[A-Za-z]{3,9})\.?[\s,\-]*(?P<y>\d{4})", value)
    names = [f"{date(2000, number, 1):%B}".lower() for number in range(1, 13)]
    months = [
        number for number, name in enumerate(names, 1) if match and name.startswith(match["m"].lower()[:3])
    ]
    return _day(int(match["y"]), months[0], int(match["d"])) if match and months else None


def _day(year: int, month: int, day: int) -> date | None:
    full = year if year > 99 else year + (1900 if year > 30 else 2000)
    try:
        return date(full, month, day)
    except ValueError:
        return None
