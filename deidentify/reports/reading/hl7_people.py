"""Whom an HL7 message names in its own fields: sought in its text, and never copied."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from deidentify.known import Known

Fields = list[str]
_NAMES: Final = {"PID": (5, 6, 9), "NK1": (2,), "GT1": (3,), "IN1": (16,)}
"""Family ^ given ^ middle."""
_STAFF: Final = {
    "PV1": (7, 8, 9, 17, 52),
    "ORC": (10, 11, 12),
    "OBR": (10, 16, 28),
    "OBX": (16,),
    "PD1": (4,),
}
"""Number ^ family ^ given ^ middle."""
_SIGNERS: Final = {"OBR": (32, 33, 34, 35)}
"""The same in subcomponents."""
_NUMBERS: Final = {"PID": (2, 3, 4, 18, 19, 20), "PV1": (19,), "ORC": (2, 3, 4), "OBR": (2, 3)}
_PHONES: Final = {"PID": (13, 14), "NK1": (5, 6)}
_PLACES: Final = {"PID": (11,), "NK1": (4,)}
LEAST_NUMBER: Final = 4
LEAST_PLACE: Final = 6


def people(
    segments: list[Fields], component: str, repetition: str, sub: str, plain: Callable[[str], str]
) -> Known:
    """Names, numbers, the birth date, phone numbers and streets of the message's own fields."""

    def values(places: Mapping[str, tuple[int, ...]]) -> Iterator[list[str]]:
        for fields in segments:
            for at in places.get(fields[0], ()):
                for value in fields[at].split(repetition) if len(fields) > at else ():
                    yield value.split(component)

    def said(parts: list[str]) -> list[str]:
        return [plain(part.replace(sub, " ")).strip() for part in parts]

    names = [_name(said(parts)[:3]) for parts in values(_NAMES)]
    names += [_name(said(parts)[1:4]) for parts in values(_STAFF)]
    names += [_name(said(parts[0].split(sub))[1:4]) for parts in values(_SIGNERS)]
    numbers = [number for parts in values(_NUMBERS) if _is_number(number := said(parts)[0])]
    phones = [text for parts in map(said, values(_PHONES)) for text in (parts[0], "-".join(parts[5:7]))]
    streets = [parts[0] for parts in map(said, values(_PLACES))]
    places = [street for street in streets if len(street) >= LEAST_PLACE and " " in street]
    born = [parts[0][:8] for parts in values({"PID": (7,)}) if re.match(r"(?:18|19|20)\d{6}", parts[0])]
    return Known(
        names=_once(name for name in names if name),
        identifiers=_once(numbers),
        dates=_once(f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in born),
        other=_once([*(phone for phone in phones if sum(map(str.isdigit, phone)) >= 7), *places]),
    )


def _name(parts: list[str]) -> str:
    """Given names before the family name; nothing of a name of one letter."""
    family, *given = [*parts, ""]
    whole = " ".join(part for part in [*given, family] if part)
    return whole if len(re.findall(r"[^\W\d_]", whole)) > 2 else ""


def _is_number(text: str) -> bool:
    return len(text) >= LEAST_NUMBER and any(mark.isdigit() for mark in text)


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))
