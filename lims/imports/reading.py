"""Bytes of a CSV file → a table of cells, or one clear reason why not. Knows nothing of slides."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.errors import BadInput

MAX_BYTES = 1_500_000
MAX_ROWS = 2_000
MAX_CELL = 500
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Line:
    """One row of the file: the number of its last line there, and its cells."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    header: tuple[str, ...]
    lines: tuple[Line, ...]


def read_table(content: bytes) -> Table:
    """Raises BadInput where the file as a whole cannot be used."""
    text = _text(content)
    lines = _lines(text)
    if not lines:
        raise BadInput("The file is empty.")
    header = tuple(cell.strip() for cell in lines[0].cells)
    rows = tuple(line for line in lines[1:] if any(cell.strip() for cell in line.cells))
    if not rows:
        raise BadInput("The file has a head line and no rows.")
    if len(rows) > MAX_ROWS:
        raise BadInput(
            f"The file has {len(rows)} rows; at most {MAX_ROWS} go in at once. Split it.", rows=len(rows)
        )
    return Table(header, rows)


def _text(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise BadInput(f"The file has {len(content):,} bytes; at most {MAX_BYTES:,} go in at once. Split it.")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInput("The file is UTF-16. Save it as “CSV UTF-8” and send it again.")
    if b"\x00" in content:
        raise BadInput(f"Byte {content.index(0) + 1} of the file is NUL: this is not a text file.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"Line {line} is not UTF-8: names would be garbled. Save the file as “CSV UTF-8”.", line=line
        ) from error


def _lines(text: str) -> list[Line]:
    head = text.partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [Line(reader.line_num, tuple(cells)) for cells in reader if cells]
    except csv.Error as error:
        raise BadInput(f"Line {reader.line_num} is not CSV: {error}.", line=reader.line_num) from error


def cell_problem(value: str) -> str | None:
    """Why this cell is refused whatever its column means, or None."""
    if len(value) > MAX_CELL:
        return f"has {len(value):,} characters (at most {MAX_CELL})"
    if value.startswith(FORMULA) or value.lstrip().startswith(FORMULA[:4]):
        return f"begins with {value.lstrip()[:1] or 'a tab'!r}: a spreadsheet would run it as a formula"
    if any(unicodedata.category(character) == "Cc" for character in value):
        return "holds a control character"
    return None


def escaped(value: object) -> str:
    """A cell that no spreadsheet runs: what could be a formula gets an apostrophe in front."""
    text = str(value)
    return f"'{text}" if text.lstrip().startswith(FORMULA) or text.startswith(FORMULA) else text


def to_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV file as text, every cell escaped; with a byte-order mark, for spreadsheets."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([escaped(cell) for cell in header])
    writer.writerows([escaped(cell) for cell in row] for row in rows)
    return "\ufeff" + out.getvalue()
