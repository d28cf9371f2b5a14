"""Known values in their encodings, and a matcher that is as fast for three thousand of them as for one."""

import base64
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from urllib.parse import quote, quote_plus

import numpy as np

from deidentify.gate.values import Spelling, squeeze

WINDOW: Final = 8 << 20
SHORTEST_REVERSED: Final = (
    6  # a shorter lone word is an everyday word backwards: Elif is "file", Eman is "name"
)
_WORD: Final = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyz")
_NOT_ALNUM: Final = bytes(byte for byte in range(256) if byte < 128 and not chr(byte).isalnum())


class Grade(IntEnum):
    """How likely chance alone writes a short word into a stream; the value is the shortest needle searched in
    it."""

    TEXT = 3
    BINARY = 4
    PIXELS = 7


@dataclass(frozen=True, slots=True)
class Needle:
    data: bytes
    label: str
    encoding: str
    whole: bool
    width: int = 1


@dataclass(frozen=True, slots=True)
class Match:
    offset: int
    needle: Needle


class Matcher:
    """Finds any of many byte strings, without regard to ASCII case."""

    def __init__(self, needles: Iterable[Needle]) -> None:
        self.short: dict[bytes, list[Needle]] = {}
        self.by_prefix: dict[bytes, list[Needle]] = {}
        self.longest = 4
        self._first, self._second = np.zeros(65536, bool), np.zeros(65536, bool)
        for needle in needles:
            self.longest = max(self.longest, len(needle.data))
            if len(needle.data) == 3:
                self.short.setdefault(needle.data, []).append(needle)
            elif len(needle.data) > 3:
                self.by_prefix.setdefault(needle.data[:4], []).append(needle)
                self._first[needle.data[0] << 8 | needle.data[1]] = True
                self._second[needle.data[2] << 8 | needle.data[3]] = True
        alternatives = b"|".join(re.escape(data) for data in self.short)
        self._short_pattern = (
            re.compile(b"(?<![0-9a-z])(?:" + alternatives + b")(?![0-9a-z])") if self.short else None
        )

    def search(self, data: bytes | memoryview, grade: Grade) -> Iterator[Match]:
        for start in range(0, max(len(data), 1), WINDOW):
            window = bytes(data[start : start + WINDOW + self.longest + 4]).lower()
            for match in self._search_window(window, grade):
                if match.offset < WINDOW:
                    yield Match(start + match.offset, match.needle)

    def _search_window(self, window: bytes, grade: Grade) -> Iterator[Match]:
        if self._short_pattern is not None and grade <= Grade.TEXT:
            for found in self._short_pattern.finditer(window):
                yield from (Match(found.start(), needle) for needle in self.short[found.group()])
        for position in self._candidates(window):
            for needle in self.by_prefix.get(window[position : position + 4], ()):
                fits = len(needle.data) >= grade * needle.width and window.startswith(needle.data, position)
                if fits and (not needle.whole or _stands_alone(window, position, needle)):
                    yield Match(position, needle)

    def _candidates(self, window: bytes) -> list[int]:
        if len(window) < 4 or not self.by_prefix:
            return []
        octets = np.frombuffer(window, np.uint8).astype(np.uint16)
        pairs = (octets[:-1] << 8) | octets[1:]
        result: list[int] = np.flatnonzero(self._first[pairs[:-2]] & self._second[pairs[2:]]).tolist()
        return result


class Finder:
    """Both searches of one stream: as it stands, and with its separators removed."""

    def __init__(self, spellings: Iterable[Spelling]) -> None:
        plain, squeezed = _encode_all(spellings)
        self.count = len(plain) + len(squeezed)
        self._plain, self._squeezed = Matcher(plain), Matcher(squeezed)

    def search(self, data: bytes | memoryview, grade: Grade) -> Iterator[Match]:
        yield from self._plain.search(data, grade)
        if grade < Grade.PIXELS:
            yield from self._squeezed.search(bytes(data).translate(None, _NOT_ALNUM), grade)


def _encode_all(spellings: Iterable[Spelling]) -> tuple[list[Needle], list[Needle]]:
    plain: dict[bytes, Needle] = {}
    squeezed: dict[bytes, Needle] = {}
    for spelling in spellings:
        for text in {spelling.text, _fold(spelling.text), unicodedata.normalize("NFD", spelling.text)}:
            for needle in _encodings(text, spelling):
                plain.setdefault(needle.data, needle)
                if needle.encoding in ("base64", "hex") and len(needle.data) >= 10:
                    bare = needle.data.translate(None, _NOT_ALNUM)
                    squeezed.setdefault(bare, Needle(bare, needle.label, needle.encoding, False))
            if spelling.squeezed and len(squeeze(text)) >= 6:
                bare = squeeze(text).encode().lower()
                squeezed.setdefault(bare, Needle(bare, spelling.label, "separators removed", False))
    return list(plain.values()), list(squeezed.values())


def _encodings(text: str, spelling: Spelling) -> Iterator[Needle]:
    label, whole = spelling.label, spelling.whole
    cases = sorted({text, text.upper(), text.lower(), text.title()})
    for case in cases:
        raw = case.encode()
        yield Needle(raw.lower(), label, "ascii" if raw.isascii() else "utf-8", whole)
        yield Needle(case.encode("utf-16-le").lower(), label, "utf-16-le", whole, 2)
        yield Needle(case.encode("utf-16-be").lower(), label, "utf-16-be", whole, 2)
        yield Needle(case.encode("utf-32-le").lower(), label, "utf-32-le", whole, 4)
        yield Needle(case.encode("utf-32-be").lower(), label, "utf-32-be", whole, 4)
        if not raw.isascii():
            yield Needle(case.encode("cp1252", "replace").lower(), label, "cp1252", whole)
        yield Needle(raw.hex().encode(), label, "hex", len(raw) < 4, 1)
        for form in {quote(case), quote_plus(case)} - {case}:
            yield Needle(form.lower().encode(), label, "url", whole)
        yield from _base64(raw, label)
        if len(raw) >= SHORTEST_REVERSED or not whole:
            yield Needle(raw[::-1].lower(), label, "reversed", whole)


def _base64(raw: bytes, label: str) -> Iterator[Needle]:
    if len(raw) < 5:
        # Too short to be known inside a longer text: only where it stands alone.
        yield Needle(base64.b64encode(raw).rstrip(b"=").lower(), label, "base64", True)
        return
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + raw)
        head = (0, 2, 3)[shift]
        tail = (len(raw) + shift) % 3
        core = coded[head : len(coded) - (4 - tail if tail else 0)]
        if len(core) >= 5:
            yield Needle(core.lower(), label, "base64", len(core) < 7)


def _fold(text: str) -> str:
    return "".join(mark for mark in unicodedata.normalize("NFKD", text) if not unicodedata.combining(mark))


def _stands_alone(window: bytes, position: int, needle: Needle) -> bool:
    """Neither neighbour of the match is a letter or digit; in UTF-16 and UTF-32 a neighbour is a code
    unit of two or four bytes."""
    end = position + len(needle.data)
    if needle.width == 1:
        before, after = window[position - 1 : position], window[end : end + 1]
        return not (before and before[0] in _WORD) and not (after and after[0] in _WORD)
    width, big = needle.width, needle.encoding.endswith("be")
    units = (window[position - width : position] if position >= width else b"", window[end : end + width])
    return not any(len(unit) == width and _is_wide_letter(unit, big=big) for unit in units)


def _is_wide_letter(unit: bytes, *, big: bool) -> bool:
    letter, rest = (unit[-1], unit[:-1]) if big else (unit[0], unit[1:])
    return letter in _WORD and not any(rest)
