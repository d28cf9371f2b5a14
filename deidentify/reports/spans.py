"""Stretches of a report that name somebody."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_BEFORE: Final = re.compile(r"(?<![\w.])(?:[A-Z]\.[ ]?){1,3}\Z")
_AFTER: Final = re.compile(
    r",?[ ](?:[A-Z]\.(?![\w])|[0-9]\.(?=[,/\"”\n])|[A-Z](?=[ ]*(?:[,;/\n)\"”]|[ ]{2}|\Z)))"
)
_BETWEEN: Final = re.compile(r",?[ ](?:[A-Z0-9]\.[ ])?|[ ]?,|[\-^]")


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of the source text that names somebody, and the rule that says so. ``written`` is what
    stands in its place; empty where that is the policy's choice.
    """

    start: int
    end: int
    kind: str
    rule: str
    written: str = ""


def merged(spans: list[Span]) -> list[Span]:
    """No two spans overlap: the union of those that do, written as the longest of them says."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        if found and span.start < found[-1].end:
            last = found[-1]
            if span.end > last.end:
                longer = last if last.end - last.start >= span.end - span.start else span
                found[-1] = Span(last.start, span.end, longer.kind, longer.rule)
        else:
            found.append(span)
    return found


def with_initials(text: str, spans: list[Span]) -> list[Span]:
    """Names with the initials that stand before or after them; two names beside each other are one."""
    found: list[Span] = []
    for span in spans:
        if span.kind == "NAME" and not span.written:
            before = _BEFORE.search(text, max(found[-1].end if found else 0, span.start - 9), span.start)
            after = _AFTER.match(text, span.end)
            start, end = before.start() if before else span.start, after.end() if after else span.end
            last = found[-1] if found else None
            near = last is not None and last.kind == "NAME" and not last.written
            if last and near and _BETWEEN.fullmatch(text, last.end, start):
                found.pop()
                start = last.start
            span = Span(start, end, span.kind, span.rule)
        elif found and span.start < found[-1].end:
            span = Span(found[-1].end, span.end, span.kind, span.rule, span.written)
        found.append(span)
    return [span for span in found if span.start < span.end]


def by_line(match: re.Match[str], kind: str, rule: str, written: str, group: int | str = 0) -> Iterator[Span]:
    """One span for each line that a match runs over: lines stay lines. The first says it, the others that
    something stood there.
    """
    at = match.start(group)
    for number, line in enumerate(match.group(group).split("\n")):
        bare = line.strip()
        start = at + len(line) - len(line.lstrip())
        if bare:
            yield Span(
                start,
                start + len(bare),
                kind,
                rule,
                ("[DATE]" if kind == "DATE" else "") if number else written,
            )
        at += len(line) + 1
