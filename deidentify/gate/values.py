"""The spellings in which a known value may be written (before any encoding)."""

import json
import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from deidentify.gate.errors import BadKnown

CLASSES: Final = ("names", "identifiers", "dates", "other")
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
TITLES: Final = frozenset(
    {"dr", "mr", "mrs", "ms", "md", "do", "phd", "prof", "jr", "sr", "the", "von", "van", "der", "and"}
)
_DATE_SHAPES: Final = (
    (re.compile(r"^(\d{4})[-/. ]?(\d{2})[-/. ]?(\d{2})(?:[T ].*)?$"), (0, 1, 2)),
    (re.compile(r"^(\d{1,2})[/](\d{1,2})[/](\d{4}|\d{2})$"), (2, 0, 1)),
    (re.compile(r"^(\d{1,2})[-.](\d{1,2})[-.](\d{4})$"), (2, 1, 0)),
)


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way of writing one value. ``whole`` asks for a word of its own, because the text is short."""

    label: str
    text: str
    whole: bool = False
    squeezed: bool = False


def parse_known(text: str) -> dict[str, list[str]]:
    """Read the agreed JSON. An unknown class or a value that is no text stops: a typing error must not disarm
    the gate."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise BadKnown(f"the known values are no JSON: {error}") from error
    if not isinstance(raw, dict) or set(raw) - set(CLASSES):
        raise BadKnown(f"the known values must be an object with the keys {', '.join(CLASSES)}")
    known: dict[str, list[str]] = {}
    for name in CLASSES:
        values = raw.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise BadKnown(f"{name} must be a list of texts")
        known[name] = [value.strip() for value in values if value.strip()]
    return known


def spellings(known: dict[str, list[str]]) -> list[Spelling]:
    """Every spelling of every value, without doubles."""
    found: dict[tuple[str, bool], Spelling] = {}
    makers = {"names": _of_name, "identifiers": _of_identifier, "dates": _of_date, "other": _of_identifier}
    for kind in CLASSES:
        for index, value in enumerate(known[kind]):
            for spelling in makers[kind](f"{kind}[{index}]", value):
                found.setdefault((spelling.text.lower(), spelling.squeezed), spelling)
    return list(found.values())


def squeeze(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


def _of_name(label: str, value: str) -> list[Spelling]:
    parts = [part for part in re.split(r"[\s,^.;/_]+", value) if part]
    words = [part for part in parts if part.lower() not in TITLES]
    result = [Spelling(label, value, whole=len(squeeze(value)) < 5)]
    for word in [*words, *(piece for long in words if "-" in long for piece in long.split("-"))]:
        if len(word) >= 3:
            result.append(Spelling(label, word, whole=len(word) < 6))
    if len(words) >= 2:
        first, last = (words[1], words[0]) if "," in value or "^" in value else (words[0], words[-1])
        for pair in (
            f"{first} {last}",
            f"{last}, {first}",
            f"{last} {first}",
            f"{last}^{first}",
            f"{last},{first}",
        ):
            result.append(Spelling(label, pair))
        for joined in (f"{first}{last}", f"{last}{first}", squeeze(value)):
            result.append(Spelling(label, joined, squeezed=True, whole=len(joined) < 6))
        result.append(Spelling(label, f"{first[0]}. {last}", whole=True))
    elif len(squeeze(value)) >= 6:
        result.append(Spelling(label, squeeze(value), squeezed=True))
    return result


def _of_identifier(label: str, value: str) -> list[Spelling]:
    bare = squeeze(value)
    short = len(bare) < 5
    result = [Spelling(label, value, whole=short)]
    if len(bare) >= 5:
        result.append(Spelling(label, bare, squeezed=True))
        result.append(Spelling(label, bare))
    if re.search(r"[-_ ./]", value):
        result += [Spelling(label, re.sub(r"[-_ ./]+", mark, value), whole=short) for mark in "-_ ./"]
    stripped = bare.lstrip("0")
    if stripped != bare and len(stripped) >= 6 and stripped.isdigit():
        result.append(Spelling(label, stripped, whole=True))
    return result


def _of_date(label: str, value: str) -> list[Spelling]:
    result = [Spelling(label, value, whole=len(value) < 8)]
    moment = _read_date(value)
    if moment is None:
        return result
    y, m, d = moment.year, moment.month, moment.day
    month, short = MONTHS[m - 1], f"{y % 100:02d}"
    padded, plain = ((f"{m:02d}", f"{d:02d}"), (f"{d:02d}", f"{m:02d}")), ((str(m), str(d)), (str(d), str(m)))
    whole = {f"{a}{mark}{b}{mark}{y}" for mark in "/-. " for a, b in (*padded, *plain)}
    whole |= {f"{a}{mark}{b}{mark}{short}" for mark in "/-." for a, b in padded}
    whole |= {f"{a}/{b}/{short}" for a, b in plain}
    whole |= {f"{y}{mark}{m:02d}{mark}{d:02d}" for mark in "/-. :"} | {f"{y}{m:02d}{d:02d}"}
    whole |= {f"{short}{mark}{m:02d}{mark}{d:02d}" for mark in "/-."}
    for name in (month, month[:3]):
        whole |= {f"{name} {d}, {y}", f"{name} {d:02d}, {y}", f"{name} {d} {y}", f"{d} {name} {y}",
            f"{d:02d} {name} {y}",
                  f"{d:02d}-{name}-{y}", f"{d}-{name}-{y}", f"{d:02d}{name}{y}", f"{name} {d}, '{short}",
                  f"{d}-{name}-{short}",
                  f"{name}. {d}, {y}", f"{d:02d}-{name}-{short}"}  # fmt: skip
    for suffix in ("st", "nd", "rd", "th"):
        whole |= {f"{month} {d}{suffix}, {y}", f"{d}{suffix} {month} {y}", f"{d}{suffix} of {month} {y}"}
    squeezed = (f"{y}{m:02d}{d:02d}", f"{m:02d}{d:02d}{y}", f"{d:02d}{m:02d}{y}")
    return [
        *result,
        *(Spelling(label, text, whole=True) for text in sorted(whole)),
        *(Spelling(label, text, squeezed=True) for text in squeezed),
    ]


def _read_date(value: str) -> date | None:
    for pattern, order in _DATE_SHAPES:
        match = pattern.match(value)
        if match is None:
            continue
        numbers = [int(match.group(position + 1)) for position in order]
        year = numbers[0] + (0 if numbers[0] > 99 else 1900 if numbers[0] > 30 else 2000)
        for month, day in ((numbers[1], numbers[2]), (numbers[2], numbers[1])):
            try:
                return date(year, month, day)
            except ValueError:
                continue
    return _read_named_date(value)


def _read_named_date(value: str) -> date | None:
    words = re.findall(r"[A-Za-z]+|\d+", value)
    numbers = [int(word) for word in words if word.isdigit()]
    months = [
        index
        for index, name in enumerate(MONTHS, 1)
        for word in words
        if len(word) >= 3 and name.lower().startswith(word.lower())
    ]
    years = [number for number in numbers if number > 999]
    days = [number for number in numbers if 1 <= number <= 31]
    if not (months and years and days):
        return None
    try:
        return date(years[0], months[0], days[0])
    except ValueError:
        return None
