"""Report text without the person: known values, then labelled fields, then shapes, then context.

Every rule only marks spans; the text is rewritten once at the end, so that no rule reads what another has
written.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from deidentify.known import Known
from deidentify.reports import lexicon as words
from deidentify.reports.deciding import Decisions, decide
from deidentify.reports.knowing import KNOWN_VALUE, known_spans
from deidentify.reports.naming import named_spans
from deidentify.reports.spans import Span, by_line, merged, with_initials
from deidentify.reports.writing import OLDEST_YEARS, Names, Policy, Writer, date_written, year_only

_MONTH: Final = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"  # noqa: E501
_DATES: Final = re.compile(
    rf"(?<![\w/.\-])(?:\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}(?:T[\d:.]+Z?|[ ]\d\d:\d\d(?::\d\d)?)?|\d{{1,2}}[/]\d{{1,2}}[/](?:\d{{4}}|\d{{2}})|"  # noqa: E501
    rf"\d{{1,2}}[-.]\d{{1,2}}[-.](?:\d{{4}}|\d{{2}})(?!\.\d)|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+(?:\d{{4}}|['’]\d\d)|"
    rf"\d{{1,2}}(?:st|nd|rd|th)?(?:\s+of)?[\s\-]{_MONTH}[\s,\-]+\d{{2,4}}|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?!\s*(?:cm|mm|%))|"
    rf"{_MONTH},?\s+(?:19|20)\d{{2}})(?![\w/\-])",
    re.IGNORECASE,
)
_NAME_WORD: Final = r"(?:[A-Z]\.(?!\s?[A-Z]\.|D)|[A-Z][\w'’\-]+)"
_TITLE_NAME: Final = rf"(?:[A-Z]\.\s*)*[A-Z][\w'’\-]+(?:(?:[ ,]+|[ ]*\n[ ]*){_NAME_WORD}){{0,2}}"
_LONG_WORD: Final = re.compile(r"(?<!\w)[A-Z][^\W\d_]{3,}(?!\w)")
_FULL_NAME: Final = re.compile(r"[A-Z][\w'’\-]+(?:[,.]? +[A-Z][\w'’.\-]*){0,3}")
_NO_NAMES: Final = words.KEPT | words.AMBIGUOUS | words.HEADINGS | words.STARTERS
_SHAPES: Final = (
    ("CONTACT", re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")),
    ("CONTACT", re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)),
    ("CONTACT", re.compile(r"(?<![\w.])\(?\+?\d{0,2}[\s.\-]?\(?\d{3}\)?[\s.\-]\d{3}[\s.\-]\d{4}(?:\s*(?:x|ext\.?)\s*\d+)?(?!\d)")),  # noqa: E501
    ("CONTACT", re.compile(r"(?<![\w.])\d{3}-\d{4}(?!\d)")),
    ("CONTACT", re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")),
    ("ID", re.compile(r"(?<!\w)\d{3}-\d{2}-\d{4}(?!\w)")),
    ("ID", re.compile(r"(?<!\w)[A-Z]{1,4}-?\d{2}-\d{3,8}(?:-[A-Z0-9]+)?(?!\w)")),
    ("CONTACT", re.compile(r"(?<![\w.])\+\d{1,3}[ .\-]?(?:\(\d{1,4}\)[ .\-]?)?\d{1,4}(?:[ .\-]\d{2,4}){1,4}(?![\w])")),  # noqa: E501
    ("CONTACT", re.compile(r"(?<![\w.])\(\d{2,4}\)[ ]?\d{3,4}[ \-]\d{3,4}(?!\w)")),
    ("CONTACT", re.compile(r"(?<![\w.,])0\d{2,4}(?:[ \-]\d{2,4}){2,4}(?![\w])")),
    ("ID", re.compile(r"(?<!\w)[A-Z]{1,3}\d{6,14}(?!\w)")),
    ("ID", re.compile(r"(?<!\w)(?![MTPDFE]-\d{5}(?!\d))[A-Z]{1,4}-\d{5,9}(?!\w)")),
    ("ID", re.compile(r"(?<!\w)(?=(?:[A-Z ]{0,8}\d){8})[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}[A-Z0-9]{0,3}(?!\w)")),  # noqa: E501
    ("ID", re.compile(r"(?<![\w.,])\d{4}[ \-]\d{4}[ \-]\d{4}[ \-]\d{1,4}(?!\w)")),
    ("ID", re.compile(r"(?<![\w.,])\d{6,19}(?![\w]|[.,]\d)")),
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


@dataclass(frozen=True, slots=True)
class Cleaned:
    text: str
    spans: tuple[Span, ...]
    counts: dict[str, int] = field(default_factory=dict)


def clean_text(
    text: str, known: Known, policy: Policy | None = None, decisions: Decisions | None = None
) -> Cleaned:
    """The text with every found span replaced by its category, and as a person decided. Lines stay lines.

    Raises ReviewStale where the decisions are of another text.
    """
    policy = policy or Policy()
    spans = find_spans(text, known, policy)
    if decisions:
        spans = decide(text, spans, certain(text, spans, known, policy), decisions, policy)
    parts, position = [], 0
    counts: dict[str, int] = {}
    for span, written in zip(spans, replacements(text, spans, known, policy), strict=True):
        parts += [text[position : span.start], written]
        position = span.end
        counts[span.kind] = counts.get(span.kind, 0) + 1
    parts.append(text[position:])
    return Cleaned("".join(parts), tuple(spans), counts)


def replacements(text: str, spans: Iterable[Span], known: Known, policy: Policy) -> list[str]:
    """What stands in the place of each span."""
    say = Writer(known, policy).say
    return [span.written or say(span.kind, text[span.start : span.end]) for span in spans]


def certain(text: str, spans: Iterable[Span], known: Known, policy: Policy) -> frozenset[tuple[int, int]]:
    """Places of those that hold a value of the record: the gate would find it, so nobody may leave it in."""
    values = [span for span in known_spans(text, known, policy) if span.rule == KNOWN_VALUE]
    return frozenset(
        (span.start, span.end)
        for span in spans
        if any(value.start < span.end and span.start < value.end for value in values)
    )


def find_spans(text: str, known: Known, policy: Policy) -> list[Span]:
    """All that the rules find, in order, none over another."""
    told = [*_labelled(text), *_in_context(text), *named_spans(text)]
    sure = [*known_spans(text, known, policy), *_shaped(text, policy), *_aged(text)]
    return with_initials(text, merged([*sure, *told, *_told_again(text, told)]))


def _told_again(text: str, told: list[Span]) -> Iterator[Span]:
    """Names that a label or a title gave away, wherever else they stand. A word that the report writes in
    small letters as well is no name.
    """
    names = [text[span.start : span.end] for span in told if span.kind == "NAME"]
    found = {word for name in names if _FULL_NAME.fullmatch(name) for word in _LONG_WORD.findall(name)}
    found = {word for word in found if word.lower() not in _NO_NAMES and not _in_small(word, text)}
    sought = found | {word.capitalize() for word in found} | {word.upper() for word in found}
    for match in _LONG_WORD.finditer(text):
        if match.group() in sought:
            yield Span(match.start(), match.end(), "NAME", "named elsewhere")


def _in_small(word: str, text: str) -> bool:
    return re.search(rf"(?<!\w){word.lower()}(?!\w)", text) is not None


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
    r"\s{2,}|(?<=\S)\s+(?=[A-Z][A-Za-z./#]*(?: [A-Za-z./#]+){0,2}\s*[:=#])"
    r"|,\s*(?=[A-Z][\w/]*(?: [\w/]+){0,2}:)"
)
_ID_VALUE: Final = re.compile(r"#?[\w\-./]*\d[\w\-./]*(?:[ ]\d[\w\-]*)*")


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
                yield Span(start, start + len(value), kind, "labelled field")


def _shaped(text: str, policy: Policy) -> Iterator[Span]:
    for kind, pattern in _SHAPES:
        for match in pattern.finditer(text):
            if "\n" not in match.group():
                yield Span(match.start(), match.end(), kind, "shape")
    for match in _DATES.finditer(text):
        yield from by_line(match, "DATE", "shape", date_written(match.group(), policy))
    for match in _MONTHS_OF_YEARS.finditer(text):
        yield Span(match.start(), match.end(), "DATE", "shape", year_only(match.group()))


def _in_context(text: str) -> Iterator[Span]:
    for pattern in _CONTEXT:
        for match in pattern.finditer(text):
            first = match.group("v").split()[0].rstrip(",.").lower()
            if first not in words.KEPT:
                spans = list(by_line(match, "NAME", "context", "", "v"))
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


__all__ = ["Cleaned", "Names", "Policy", "Span", "clean_text"]
