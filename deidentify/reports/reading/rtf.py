"""RTF: the words that a word processor shows. Pictures, objects, headers and revision data stay behind."""

import re
from typing import Final

from striprtf.striprtf import rtf_to_text

from deidentify.errors import BrokenInput
from deidentify.reports.docx import Line
from deidentify.reports.reading.model import MOST_TEXT, Reading, tidy

MOST_RTF: Final = 32 << 20
MOST_GROUPS: Final = 200_000
_CELL: Final = "\ue000"
_CELLS: Final = re.compile(r"\\(?:nest)?cell(?![a-z])[ ]?")
_LINKS: Final = re.compile("fldinst", re.IGNORECASE)
_BINARY: Final = re.compile(r"\\bin(?:0*[1-9])")
_HEX: Final = re.compile(r"[0-9A-Fa-f\s]{4096,}")


def read_rtf(data: bytes) -> Reading:
    """Raises BrokenInput for what is no RTF, carries raw binary data, or is too long."""
    if len(data) > MOST_RTF:
        raise BrokenInput(f"an RTF file of more than {MOST_RTF >> 20} MiB")
    # Pictures are long runs of hexadecimal digits in groups that are not shown.
    text = _HEX.sub("", data.decode("latin-1"))
    if not text.lstrip().startswith("{\\rtf"):
        raise BrokenInput("no RTF: it does not begin as one")
    if _BINARY.search(text):
        raise BrokenInput("an RTF file with raw binary data: save it without its pictures and objects")
    if len(text) > 4 * MOST_TEXT or text.count("{") > MOST_GROUPS:
        raise BrokenInput("an RTF file with more words or groups than a report has")
    return Reading(tuple(_line(line) for line in _shown(text).split("\n")))


def _shown(text: str) -> str:
    text = _CELLS.sub(_CELL, text.replace(_CELL, ""))
    # An instruction of a field is broken where the library would look for its link again and again.
    text = _LINKS.sub("fldinst\n", text)
    try:
        return tidy(str(rtf_to_text(text, errors="replace")))  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise BrokenInput("an RTF file that contradicts itself") from error


def _line(text: str) -> Line:
    if _CELL not in text:
        return Line((text,))
    return Line(
        tuple(cell.replace("\t", " ").strip() for cell in text.removesuffix(_CELL).split(_CELL)), row=True
    )
