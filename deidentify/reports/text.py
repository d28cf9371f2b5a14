"""Report text without the person: known values, then labelled fields, then shapes, then context.

Every rule only marks spans; the text is rewritten once at the end, so that no rule reads what another has
written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from rapidfuzz.distance import OSA

from deidentify.known import Known, date_patterns, digits_pattern, loose_pattern, name_words, parse_day
from deidentify.reports import lexicon as words

OLDEST_YEARS: Final = 89
_SCORE_AFTER: Final = re.compile(
    r"\W{0,3}(?:score|grade|pattern|sum|group|disease|lymphoma|esophagus|index|stain|tumou?r|cells?)\b",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(r"[^\W_][\w'’\-]{3,}")
_OCR: Final = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l", "5": "s", "8": "b", "6": "g", "2": "z"})
_MONTH: Final = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"  # noqa: E501
_DATES: Final = re.compile(
    rf"(?<![\w/.\-])(?:\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}(?:T[\d:.]+Z?)?|\d{{1,2}}[/]\d{{1,2}}[/](?:\d{{4}}|\d{{2}})|"
    rf"\d{{1,2}}[-.]\d{{1,2}}[-.](?:\d{{4}}|\d{{2}})(?!\.\d)|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}|"
    rf"\d{{1,2}}(?:st|nd|rd|th)?(?:\s+of)?[\s\-]{_MONTH}[\s,\-]+\d{{2,4}}|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?!\s*(?:cm|mm|%))|"
    rf"{_MONTH},?\s+(?:19|20)\d{{2}})(?![\w/\-])",
    re.IGNORECASE,
)
_NAME_WORD: Final = r"(?:[A-Z]\.(?!\s?[A-Z]\.|D)|[A-Z][\w'’\-]+)"
_TITLE_NAME: Final = rf"(?:[A-Z]\.\s*)*[A-Z][\w'’\-]+(?:(?:[ ,]+|[ ]*\n[ ]*){_NAME_WORD}){{0,2}}"
_SHAPES: Final = (
    ("CONTACT", re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")),
    ("CONTACT", re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)),
    ("CONTACT", re.compile(r"(?<![\w.])\(?\+?\d{0,2}[\s.\-]?\(?\d{3}\)?[\s.\-]\d{3}[\s.\-]\d{4}(?:\s*(?:x|ext\.?)\s*\d+)?(?!\d)")),  # noqa: E501
    ("CONTACT", re.compile(r"(?<![\w.])\d{3}-\d{4}(?!\d)")),
    ("CONTACT", re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")),
    ("ID", re.compile(r"(?<!\w)\d{3}-\d{2}-\d{4}(?!\w)")),
    ("ID", re.compile(r"(?<!\w)[A-Z]{1,4}-?\d{2}-\d{3,8}(?:-[A-Z0-9]+)?(?!\w)")),
    ("ID", re.compile(r"(?<!\w)[A-Z]{1,3}\d{6,10}(?!\w)")),
    ("ID", re.compile(r"(?<![\w.,])\d{6,12}(?![\w]|[.,]\d)")),
    ("PLACE", re.compile(
        r"(?<!\w)\d{1,5}\s+(?:[NSEW]\.?\s+)?(?:[A-Z][\w'’]+\s+){1,3}(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|"
        r"Court|Ct|Place|Pl|Way|Terrace|Parkway|Pkwy|Circle|Highway|Hwy)\b\.?(?:,?\s*(?:Apt|Suite|Unit|#)\.?\s*\w+)?")),
    ("PLACE", re.compile(r"(?:[A-Z][a-z]+\s?){1,2},\s*[A-Z]{2}\s+\d{5}(?:-\d{4})?")),
    ("PLACE", re.compile(
        r"(?<!\w)(?:St\.?\s+)?(?:[A-Z][\w'’.]+\s+){1,4}(?:Hospital|Medical Center|Medical Centre|Clinic|Infirmary|Health System|University)\b")),  # noqa: E501
)  # fmt: skip
_CONTEXT: Final = (
    re.compile(rf"\b(?:Dr|Drs|Mr|Mrs|Ms|Miss|Prof|Doctor|Nurse)\.?\s+(?P<v>{_TITLE_NAME})"),
    re.compile(rf"(?P<v>{_TITLE_NAME}),?\s+(?:M\.?D\.?|D\.?O\.?|Ph\.?D\.?|R\.?N\.?|P\.?A\.?-?C?|N\.?P\.?|MBBS|FRCPath|FCAP)\b"),
    re.compile(rf"\b(?:[Dd]ictated|[Ss]igned|[Rr]eported|[Vv]erified|[Dd]iscussed|[Rr]eviewed|[Cc]alled|[Rr]eferred|[Ss]ubmitted)"
               rf"\s+(?:out\s+)?(?:by|with|to)\s+(?!Drs?\b)(?P<v>{_TITLE_NAME})"),
    re.compile(r"\b(?:[Hh]usband|[Ww]ife|[Ss]on|[Dd]aughter|[Mm]other|[Ff]ather|[Ss]ister|[Bb]rother)(?:\s+is|,)?\s+(?P<v>[A-Z][a-z]+(?: [A-Z][a-z]+)?)"),  # noqa: E501
    re.compile(r"\b[Pp]atient,?\s+(?P<v>[A-Z][a-z]+ (?:[A-Z]\. )?[A-Z][a-z]+)"),
)  # fmt: skip
_AGES: Final = re.compile(
    r"(?<![\d.])(?P<age>\d{2,3})(?P<rest>(?:\s*-?\s*(?:years?|yrs?\.?|y\.?o\.?|y/o)\b))", re.IGNORECASE
)
_AGE_LABEL: Final = re.compile(r"\bage[ds]?\s*[:=]?\s*(?P<age>\d{2,3})\b(?!\s*(?:%|mm|cm))", re.IGNORECASE)


_MONTHS_OF_YEARS: Final = re.compile(r"(?<![\d/.-])(?:0?[1-9]|1[0-2])[/-](?:19|20)\d{2}(?![\d/-]|\.\d)")
_HYPHENATED: Final = re.compile(r"(?<!\w)(?P<a>[^\W\d_]{2,})-[ \t]*\n[ \t]*(?P<b>[^\W\d_]{2,})(?!\w)")
SHORTEST_BROKEN: Final = 5


@dataclass(frozen=True, slots=True)
class Policy:
    """How dates are treated: year only, or shifted by ``shift_days`` when that is given (one value per
    patient)."""

    version: str = "1"
    shift_days: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of the source text that names somebody, and the rule that says so."""

    start: int
    end: int
    kind: str
    rule: str
    written: str


@dataclass(frozen=True, slots=True)
class Cleaned:
    text: str
    spans: tuple[Span, ...]
    counts: dict[str, int] = field(default_factory=dict)


def clean_text(text: str, known: Known, policy: Policy | None = None) -> Cleaned:
    """The text with every found span replaced by its category. Lines stay lines."""
    policy = policy or Policy()
    spans = _merge(
        [
            *_known(text, known, policy),
            *_labelled(text),
            *_shaped(text, policy),
            *_in_context(text),
            *_aged(text),
        ]
    )
    parts, position = [], 0
    counts: dict[str, int] = {}
    for span in spans:
        parts += [text[position : span.start], span.written]
        position = span.end
        counts[span.kind] = counts.get(span.kind, 0) + 1
    parts.append(text[position:])
    return Cleaned("".join(parts), tuple(spans), counts)


def _merge(spans: list[Span]) -> list[Span]:
    """No two spans overlap: the union of those that do, written as the longest of them says."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            if span.end > last.end:
                longer = last if last.end - last.start >= span.end - span.start else span
                merged[-1] = Span(last.start, span.end, longer.kind, longer.rule, f"[{longer.kind}]")
        else:
            merged.append(span)
    return merged


def _initials(name: str) -> str:
    """Of two words and more, with their dots: J.H., J. M. H."""
    letters = [word[0].upper() for word in re.split(r"[\s,^]+", name) if word[:1].isalpha()]
    if len(letters) < 2:
        return ""
    first, last = re.escape(letters[0]), re.escape(letters[-1])
    return rf"(?-i:(?<![\w.]){first}\.[ ]?(?:[A-Z]\.[ ]?)?{last}\.(?!\w))"


@lru_cache(maxsize=16)
def _patterns(known: Known) -> tuple[tuple[str, re.Pattern[str]], ...]:
    def whole(pattern: str) -> str:
        return rf"(?<![^\W_])(?:{pattern})(?![^\W_])"

    rows: list[tuple[str, str]] = []
    for name in known.names:
        if initials := _initials(name):
            rows.append(("NAME", initials))
        rows += [
            ("NAME", whole(loose_pattern(name))),
            ("NAME", loose_pattern(name) if len(name) >= 8 else whole(loose_pattern(name))),
        ]
    for word in name_words(known):
        exact = word.lower() in words.AMBIGUOUS or len(word) < 3
        pattern = rf"(?-i:{re.escape(word)}|{re.escape(word.upper())})" if exact else re.escape(word)
        rows.append(("NAME", pattern if len(word) >= 6 else whole(pattern)))
    for kind, values in (("ID", known.identifiers), ("OTHER", known.other)):
        for value in values:
            rows.append((kind, loose_pattern(value) if len(value) >= 6 else whole(loose_pattern(value))))
            if digits := digits_pattern(value):
                rows.append((kind, digits))
    for value in known.dates:
        rows += [("DATE", rf"(?<!\d)(?:{pattern})(?!\d)") for pattern in date_patterns(value)]
    return tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in rows)


def _known(text: str, known: Known, policy: Policy) -> Iterator[Span]:
    for kind, pattern in _patterns(known):
        for match in pattern.finditer(text):
            eponym = (
                kind == "NAME"
                and match.group().lower() in words.KEPT
                and _SCORE_AFTER.match(text, match.end())
            )
            if not eponym:
                written = _date(match.group(), policy) if kind == "DATE" else f"[{kind}]"
                yield from _by_line(match, kind, "known value", written)
    yield from _nearly_known(text, known)
    yield from _broken_words(text, known)


def _by_line(
    match: re.Match[str], kind: str, rule: str, written: str, group: int | str = 0
) -> Iterator[Span]:
    """One span for each line that a match runs over: lines stay lines. The first says it, the others that
    something stood there.
    """
    at = match.start(group)
    for number, line in enumerate(match.group(group).split("\n")):
        bare = line.strip()
        start = at + len(line) - len(line.lstrip())
        if bare:
            yield Span(start, start + len(bare), kind, rule, f"[{kind}]" if number else written)
        at += len(line) + 1


def _broken_words(text: str, known: Known) -> Iterator[Span]:
    """A known name that is hyphenated at the end of a line."""
    names = {word.lower() for word in name_words(known) if len(word) >= SHORTEST_BROKEN}
    for match in _HYPHENATED.finditer(text):
        if (match["a"] + match["b"]).lower() in names:
            yield Span(match.start("a"), match.end("a") + 1, "NAME", "known value", "[NAME]")
            yield Span(match.start("b"), match.end("b"), "NAME", "known value", "[NAME]")


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
            yield Span(match.start(), match.end(), "NAME", "nearly a known name", "[NAME]")
        elif any(mark.isdigit() for mark in token) and any(_near(bare, number) for number in numbers):
            yield Span(match.start(), match.end(), "ID", "nearly a known identifier", "[ID]")


def _near(word: str, wanted: str) -> bool:
    limit = 2 if len(wanted) >= 9 else 1
    return abs(len(word) - len(wanted)) <= limit and OSA.distance(word, wanted, score_cutoff=limit) <= limit


def _labels(labels: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|(?<=[\t\v|;]))[ ]*(?:{labels})[ ]*(?:[:=]|\t|#:?)[ \t]*(?P<v>[^\n\t\v|]+)|(?<!\w)(?:{labels})[ ]*[:#=][ ]*(?P<w>[^\n\t\v|;]+)",  # noqa: E501
                      re.IGNORECASE | re.MULTILINE)  # fmt: skip


_LABELLED: Final = (
    ("DATE", _labels(words.BIRTH_LABELS)),
    ("NAME", _labels(words.NAME_LABELS)),
    ("NAME", _labels(words.STAFF_LABELS)),
    ("ID", _labels(words.ID_LABELS)),
    ("PLACE", _labels(words.PLACE_LABELS)),
    ("CONTACT", _labels(words.CONTACT_LABELS)),
)
_NEXT_LABEL: Final = re.compile(
    r"\s{2,}|(?<=\S)\s+(?=[A-Z][A-Za-z./#]*(?: [A-Za-z./#]+){0,2}\s*[:=#])|,\s*(?=[A-Z][\w ]+:)"
)
_ID_VALUE: Final = re.compile(r"[\w\-./]*\d[\w\-./]*(?:[ ]\d[\w\-]*)*")


def _labelled(text: str) -> Iterator[Span]:
    for kind, pattern in _LABELLED:
        for match in pattern.finditer(text):
            group = "v" if match.group("v") is not None else "w"
            start, value = match.start(group), match.group(group)
            cut = _NEXT_LABEL.search(value)
            value = (value[: cut.start()] if cut else value).rstrip(" .,;")
            if kind == "ID":
                number = _ID_VALUE.match(value)
                value = number.group() if number else ""
            if value and not value.startswith("["):
                yield Span(start, start + len(value), kind, "labelled field", f"[{kind}]")


def _shaped(text: str, policy: Policy) -> Iterator[Span]:
    for kind, pattern in _SHAPES:
        for match in pattern.finditer(text):
            if "\n" not in match.group():
                yield Span(match.start(), match.end(), kind, "shape", f"[{kind}]")
    for match in _DATES.finditer(text):
        yield from _by_line(match, "DATE", "shape", _date(match.group(), policy))
    for match in _MONTHS_OF_YEARS.finditer(text):
        yield Span(match.start(), match.end(), "DATE", "shape", _year_only(match.group()))


def _date(written: str, policy: Policy) -> str:
    moment = parse_day(written)
    if policy.shift_days is not None and moment is not None:
        return f"{moment + timedelta(days=policy.shift_days):%Y-%m-%d}"
    return _year_only(written)


def _year_only(written: str) -> str:
    moment = parse_day(written)
    found = re.search(r"(?<!\d)((?:19|20)\d{2})(?!\d)", written)
    year = moment.year if moment else int(found.group(1)) if found else None
    # A year so long ago would tell of an age above 89.
    return f"[DATE {year}]" if year is not None and year >= date.today().year - OLDEST_YEARS else "[DATE]"


def _in_context(text: str) -> Iterator[Span]:
    for pattern in _CONTEXT:
        for match in pattern.finditer(text):
            first = match.group("v").split()[0].rstrip(",.").lower()
            if first not in words.KEPT:
                spans = list(_by_line(match, "NAME", "context", "[NAME]", "v"))
                yield spans[0]
                yield from (span for span in spans[1:] if not _begins_a_part(text, span))


def _begins_a_part(text: str, span: Span) -> bool:
    """Whether the line that a name would run into is a heading or a field instead."""
    word = text[span.start : span.end].split()[0].rstrip(",.:").lower()
    return word in words.HEADINGS | words.STARTERS or text[span.end : span.end + 2].lstrip()[:1] == ":"


def _aged(text: str) -> Iterator[Span]:
    for pattern in (_AGES, _AGE_LABEL):
        for match in pattern.finditer(text):
            if OLDEST_YEARS < int(match.group("age")) <= 125:
                yield Span(match.start("age"), match.end("age"), "AGE", "age above 89", "90+")
