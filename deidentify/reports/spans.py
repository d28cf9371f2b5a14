"""Stretches of a report that name somebody."""

import re
from collections.abc import Iterator
from dataclasses import dataclass


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
