"""What the laboratory knows of a person, found in running text however it is written."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from rapidfuzz.distance import OSA

from deidentify.known import Known, date_patterns, digits_pattern, loose_pattern, misread_pattern, name_words
from deidentify.reports import lexicon as words
from deidentify.reports.spans import Span, by_line
from deidentify.reports.writing import Policy, date_written

KNOWN_VALUE: Final = "known value"
SHORTEST_BROKEN: Final = 5
LEAST_MISREAD: Final = 3
LEAST_INSIDE: Final = 6
"""Letters of a word that is looked for inside of longer ones too."""
LEAST_INSIDE_NAME: Final = 8
_SCORE_AFTER: Final = re.compile(
    r"\W{0,3}(?:score|grade|level|pattern|sum|group|disease|lymphoma|esophagus|index|stain|tumou?r|cells?)\b",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(r"[^\W_][\w'’\-]{3,}")
_OCR: Final = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l", "5": "s", "8": "b", "6": "g", "2": "z"})
_HYPHENATED: Final = re.compile(r"(?<!\w)(?P<a>[^\W_]{2,})-[ \t]*\n[ \t]*(?P<b>[^\W_]{2,})(?!\w)")


def known_spans(text: str, known: Known, policy: Policy) -> Iterator[Span]:
    for kind, pattern in _patterns(known):
        for match in pattern.finditer(text):
            eponym = (
                kind == "NAME"
                and match.group().lower() in words.KEPT
                and _SCORE_AFTER.match(text, match.end())
            )
            if not eponym and not _plain(match.group(), known):
                written = date_written(match.group(), policy) if kind == "DATE" else ""
                yield from by_line(match, kind, KNOWN_VALUE, written)
    yield from _nearly_known(text, known)
    yield from _broken_words(text, known)


def _plain(found: str, known: Known) -> bool:
    """A short word that begins a sentence or a part (All, In), where it only looks like a name (Ali, Ian)."""
    low = found.lower()
    return low in words.STARTERS | words.HEADINGS and low not in {word.lower() for word in name_words(known)}


def _initials(name: str) -> str:
    """Of two words and more, with their dots: J.H., J. M. H."""
    letters = [word[0].upper() for word in re.split(r"[\s,^]+", name) if word[:1].isalpha()]
    if len(letters) < 2:
        return ""
    first, last = re.escape(letters[0]), re.escape(letters[-1])
    return rf"(?-i:(?<![\w.]){first}\.[ ]?(?:[A-Z]\.[ ]?)?{last}\.(?!\w))"


def _in_both_orders(name: str) -> str:
    """Rosa M. Bell and Bell, Rosa M., whatever the initial between or after."""
    head, comma, tail = name.partition(",")
    listed = [
        word for word in re.split(r"[\s^]+", f"{tail} {head}" if comma else head) if len(word.strip(".")) > 1
    ]
    if len(listed) < 2:
        return ""
    first, last = re.escape(listed[0]), re.escape(listed[-1])
    return rf"{first}[ .]+(?:[A-Z]\.?[ ]+)?{last}|{last}[ ]*,[ ]*{first}(?:[ ]+[A-Z]\b\.?)?"


@lru_cache(maxsize=16)
def _patterns(known: Known) -> tuple[tuple[str, re.Pattern[str]], ...]:
    rows = [
        *(("NAME", pattern) for name in known.names for pattern in _name_patterns(name)),
        *(("NAME", pattern) for word in name_words(known) for pattern in _word_patterns(word)),
        *(("ID", pattern) for value in known.identifiers for pattern in _number_patterns(value)),
        *(("OTHER", pattern) for value in known.other for pattern in _number_patterns(value)),
        *(
            ("DATE", rf"(?<!\d)(?:{pattern})(?!\d)")
            for value in known.dates
            for pattern in date_patterns(value)
        ),
    ]
    return tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in rows)


def _whole(pattern: str) -> str:
    return rf"(?<![^\W_])(?:{pattern})(?![^\W_])"


def _name_patterns(name: str) -> Iterator[str]:
    if initials := _initials(name):
        yield initials
    if ordered := _in_both_orders(name):
        yield _whole(ordered)
    yield loose_pattern(name) if len(name) >= LEAST_INSIDE_NAME else _whole(loose_pattern(name))


def _word_patterns(word: str) -> Iterator[str]:
    exact = word.lower() in words.AMBIGUOUS or len(word) < 3
    pattern = rf"(?-i:{re.escape(word)}|{re.escape(word.upper())})" if exact else re.escape(word)
    yield pattern if len(word) >= LEAST_INSIDE else _whole(pattern)
    if len(word) >= LEAST_MISREAD:
        # Only where it is not the word itself, in small letters perhaps: of that the line above decides.
        same = rf"(?!{re.escape(word)}(?![^\W_]))"
        alike = misread_pattern(word, r"['’\-]?")
        yield _whole(rf"{same}(?-i:(?=[A-Z0-9])){alike}")


def _number_patterns(value: str) -> Iterator[str]:
    yield loose_pattern(value) if len(value) >= LEAST_INSIDE else _whole(loose_pattern(value))
    if digits := digits_pattern(value):
        yield digits
        yield _whole(misread_pattern(value, r"[\s.\-_/]{0,2}"))


def _broken_words(text: str, known: Known) -> Iterator[Span]:
    """A known name that is hyphenated at the end of a line."""
    names = {word.lower() for word in name_words(known) if len(word) >= SHORTEST_BROKEN}
    alike = [misread_pattern(name) for name in names]
    for match in _HYPHENATED.finditer(text):
        whole = match["a"] + match["b"]
        if whole.lower() in names or any(re.fullmatch(like, whole, re.IGNORECASE) for like in alike):
            yield Span(match.start("a"), match.end("a") + 1, "NAME", KNOWN_VALUE)
            yield Span(match.start("b"), match.end("b"), "NAME", KNOWN_VALUE)


def _nearly_known(text: str, known: Known) -> Iterator[Span]:
    """Words that a scan, a typist or a reader has spelt a little differently."""
    names = [word.lower().translate(_OCR) for word in name_words(known) if len(word) >= 5]
    numbers = [
        re.sub(r"\W", "", value).lower().translate(_OCR) for value in known.identifiers if len(value) >= 6
    ]
    for match in _TOKEN.finditer(text):
        token = match.group()
        bare = re.sub(r"\W", "", token).lower().translate(_OCR)
        if token.lower() in words.KEPT or token.lower() in words.AMBIGUOUS:
            continue
        if (token[0].isupper() or any(mark.isdigit() for mark in token)) and any(
            _near(bare, name) for name in names
        ):
            yield Span(match.start(), match.end(), "NAME", "nearly a known name")
        elif any(mark.isdigit() for mark in token) and any(_near(bare, number) for number in numbers):
            yield Span(match.start(), match.end(), "ID", "nearly a known identifier")


def _near(word: str, wanted: str) -> bool:
    limit = 2 if len(wanted) >= 9 else 1
    return abs(len(word) - len(wanted)) <= limit and OSA.distance(word, wanted, score_cutoff=limit) <= limit
