"""A clean report: read in whatever form it came, made clean, and written anew from its words alone."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from deidentify.errors import BrokenInput, UnsupportedFormat
from deidentify.known import Known
from deidentify.reports.deciding import Decisions
from deidentify.reports.docx import Line, lines_as_text, text_as_lines, write_docx
from deidentify.reports.reading import as_text, read_report
from deidentify.reports.spans import Span
from deidentify.reports.text import Policy, certain, clean_text, find_spans

FORMS: Final = (".docx", ".txt")
LONGEST_WORD: Final = 1000
MOST_BLANKS: Final = 40
MOST_EMPTY: Final = 20
MOST_CELLS: Final = 63
_LONG: Final = re.compile(rf"\S{{{LONGEST_WORD + 1}}}")
_BLANKS: Final = re.compile(rf"[^\S\n]{{{MOST_BLANKS},}}")


def clean_suffix(name: str) -> str:
    """Of the clean file of a report: plain text stays what it is, everything else becomes a Word document."""
    return ".txt" if Path(name).suffix.lower() in (".txt", ".text") else ".docx"


def check_form(destination: Path) -> str:
    """The form that a clean report is written in. Raises UnsupportedFormat for others."""
    suffix = destination.suffix.lower()
    if suffix not in FORMS:
        wanted = f"as {suffix}" if suffix else "without a suffix"
        raise UnsupportedFormat(f"a clean report is written as {' or '.join(FORMS)}, not {wanted}")
    return suffix


def bearable(lines: Iterable[Line]) -> list[Line]:
    """The lines without more blanks or empty lines in a row than a report has: the rules look again from
    each. Raises BrokenInput for a word or a table row that no report has.
    """
    kept: list[Line] = []
    empty = 0
    for line in lines:
        if len(line.cells) > MOST_CELLS or any(_LONG.search(cell) for cell in line.cells):
            raise BrokenInput(
                f"a report with a word of more than {LONGEST_WORD} characters "
                f"or a row of more than {MOST_CELLS} cells"
            )
        empty = 0 if any(map(str.strip, line.cells)) else empty + 1
        if empty <= MOST_EMPTY:
            kept.append(replace(line, cells=tuple(_BLANKS.sub(_narrowed, cell) for cell in line.cells)))
    return kept


def _narrowed(found: re.Match[str]) -> str:
    return found.group()[:MOST_BLANKS]


@dataclass(frozen=True)
class Found:
    """A report's text, the spans that the rules found in it, the places of those that hold a value of the
    record, and what is known (the report's own fields too)."""

    text: str
    spans: tuple[Span, ...]
    certain: frozenset[tuple[int, int]]
    known: Known


def find_in_report(source: Path, known: Known, policy: Policy, *, kind: str) -> Found:
    """What a person reviews. Raises what reading a report raises."""
    reading = read_report(source, kind)
    text, known = lines_as_text(bearable(reading.lines)), known.with_more(reading.said)
    spans = tuple(find_spans(text, known, policy))
    return Found(text, spans, certain(text, spans, known, policy), known)


def make_report(
    source: Path,
    draft: Path,
    known: Known,
    policy: Policy,
    *,
    kind: str,
    form: str,
    decisions: Decisions | None = None,
) -> dict[str, Any]:
    """Write the clean report to ``draft``; what was replaced by category, and what the reader counted. Whom
    the file names in fields of its own is sought as well as what is known."""
    reading = read_report(source, kind)
    lines = bearable(reading.lines)
    cleaned = clean_text(lines_as_text(lines), known.with_more(reading.said), policy, decisions)
    clean = text_as_lines(cleaned.text, lines)
    with draft.open("xb") as file:
        if form == ".docx":
            write_docx(file, clean)
        else:
            file.write(as_text(tuple(clean)).encode())
    return {"replaced": cleaned.counts, **reading.work}
