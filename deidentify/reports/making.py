"""A clean report: read in whatever form it came, made clean, and written anew from its words alone."""

from pathlib import Path
from typing import Any, Final

from deidentify.errors import UnsupportedFormat
from deidentify.known import Known
from deidentify.reports.docx import lines_as_text, text_as_lines, write_docx
from deidentify.reports.reading import as_text, read_report
from deidentify.reports.text import Policy, clean_text

FORMS: Final = (".docx", ".txt")


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


def make_report(
    source: Path, draft: Path, known: Known, policy: Policy, *, kind: str, form: str
) -> dict[str, Any]:
    """Write the clean report to ``draft``; what was replaced by category, and what the reader counted. Whom
    the file names in fields of its own is sought as well as what is known."""
    reading = read_report(source, kind)
    lines = list(reading.lines)
    cleaned = clean_text(lines_as_text(lines), known.with_more(reading.said), policy)
    clean = text_as_lines(cleaned.text, lines)
    with draft.open("xb") as file:
        if form == ".docx":
            write_docx(file, clean)
        else:
            file.write(as_text(tuple(clean)).encode())
    return {"replaced": cleaned.counts, **reading.work}
