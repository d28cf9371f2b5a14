"""Reports of every accepted kind as lines of text.

PDF, RTF and HL7 are opened in a process of its own with limits (``apart``): a file that kills or exhausts its
reader is a broken input and nothing worse.
"""

from pathlib import Path
from typing import Final

from deidentify.errors import BrokenInput
from deidentify.reports.docx import read_docx
from deidentify.reports.reading.apart import read_apart
from deidentify.reports.reading.model import Reading, as_lines, as_text, tidy
from deidentify.reports.reading.plain import decode_text, read_text

HEAD: Final = 1024
SUFFIXES: Final = (".docx", ".pdf", ".rtf", ".hl7", ".txt", ".text")
_TEXTS: Final = (".txt", ".text")


def kind_of(name: str, head: bytes) -> str | None:
    """`docx`, `pdf`, `rtf`, `hl7` or `text`, by the first bytes; the name only decides between kinds of text.
    None for what is no report.
    """
    suffix = Path(name).suffix.lower()
    bare = head.lstrip(b"\xef\xbb\xbf\x0b\r\n\t ")
    if b"%PDF-" in head[:HEAD] and suffix not in _TEXTS:
        return "pdf"
    if bare.startswith(b"%PDF-"):
        return "pdf"
    if bare.startswith(b"{\\rtf"):
        return "rtf"
    if (
        bare[:3] in (b"MSH", b"FHS", b"BHS")
        and bare[3:4]
        and not bare[3:4].isalnum()
        and not bare[3:4].isspace()
    ):
        return "hl7"
    if head.startswith(b"PK\x03\x04") and suffix == ".docx":
        return "docx"
    return "text" if suffix in _TEXTS else None


def read_report(source: Path, kind: str, *, ocr: bool = True) -> Reading:
    """Raises BrokenInput, UnsupportedFormat, LockedInput and OcrMissing."""
    if kind == "docx":
        return Reading(tuple(read_docx(source)))
    if kind == "text":
        try:
            return read_text(source.read_bytes())
        except OSError as error:
            raise BrokenInput(f"the report cannot be read: {error.strerror}") from error
    return read_apart(source, kind, ocr=ocr)


__all__ = [
    "HEAD", "SUFFIXES", "Reading", "as_lines", "as_text", "decode_text", "kind_of", "read_report", "tidy"
]  # fmt: skip
