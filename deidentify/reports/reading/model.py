"""What every reader of a report gives back, and what none of them takes in."""

from dataclasses import dataclass, field
from typing import Final

from deidentify.errors import BrokenInput
from deidentify.known import Known
from deidentify.reports.docx import CELL_BREAK, Line

MOST_TEXT: Final = 2 << 20
"""Characters of one report."""
_BREAKS: Final = str.maketrans({"\x0b": "\n", "\x0c": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n"})


@dataclass(frozen=True, slots=True)
class Reading:
    """The lines of a report in order; ``said`` is whom the file itself names in fields of its own (an HL7
    message does), ``work`` counts what was read and what was left out.
    """

    lines: tuple[Line, ...]
    said: Known = field(default_factory=Known)
    work: dict[str, int] = field(default_factory=dict)


def tidy(text: str) -> str:
    """Printable characters, line feeds and tabs; every kind of line break is one. Raises BrokenInput for more
    than MOST_TEXT characters."""
    if len(text) > MOST_TEXT:
        raise BrokenInput(f"a report of more than {MOST_TEXT >> 20} million characters of text")
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    plain = whole.replace("\r\n", "\n").replace("\r", "\n").translate(_BREAKS)
    return "".join(mark for mark in plain if (mark >= " " and not "\x7f" <= mark < "\xa0") or mark in "\n\t")


def as_lines(text: str) -> tuple[Line, ...]:
    return tuple(Line((line,)) for line in text.split("\n"))


def as_text(lines: tuple[Line, ...]) -> str:
    """Plain text for people: breaks within a cell are lines of their own."""
    return "\n".join("\t".join(line.cells) for line in lines).replace(CELL_BREAK, "\n")
