"""HL7 v2 results (ORU) and documents (MDM): what the OBX and NTE segments say, and PDF and RTF documents in
them.

Every other segment stays behind. Those that name people (PID, NK1, PV1, ORC, OBR) are heard for one purpose:
what they say is looked for in the text. The ``hl7`` package is not used here: it writes what it stumbles
over to the log, and an escape of three characters may ask it for as many blanks as it likes.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from deidentify.errors import BrokenInput, UnsupportedFormat
from deidentify.reports.docx import Line
from deidentify.reports.reading.hl7_people import people
from deidentify.reports.reading.model import Reading, as_lines, tidy
from deidentify.reports.reading.pdf import read_pdf
from deidentify.reports.reading.plain import decode
from deidentify.reports.reading.rtf import read_rtf

MOST_HL7: Final = 96 << 20
MOST_SEGMENTS: Final = 20_000
KINDS: Final = frozenset({"ORU", "MDM"})
_SEGMENT: Final = re.compile(r"[A-Z][A-Z0-9]{2}(?=.)")
_ESCAPED: Final = re.compile(r"\\([^\\\n]{1,64})\\")
_WORDS: Final = frozenset(
    {"", "TX", "FT", "ST", "CE", "CWE", "CNE", "NM", "SN", "DT", "TM", "TS", "DTM", "IS", "ID"}
)


@dataclass(frozen=True, slots=True)
class Marks:
    """The five characters that a message parts its fields with."""

    field: str
    component: str
    repetition: str
    escape: str
    sub: str

    def plain(self, text: str) -> str:
        """Without escapes; the formatting ones become lines and blanks."""
        standard = text.replace(self.escape, "\\") if self.escape != "\\" else text
        return _ESCAPED.sub(lambda found: self._said(found[1]), standard)

    def _said(self, code: str) -> str:
        parts = {"F": self.field, "S": self.component, "R": self.repetition, "E": self.escape, "T": self.sub}
        if code in parts:
            return parts[code]
        if code[0] == "X" and re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", code[1:]):
            return bytes.fromhex(code[1:]).decode("cp1252", "replace")
        return "\n" if code[:3] in (".br", ".sp", ".ce") else " " if code[0] == "." else ""


def read_hl7(data: bytes, *, ocr: bool = True) -> Reading:
    """One message about one person. Raises BrokenInput for a broken one, UnsupportedFormat for a batch,
    several patients, other kinds of message or of document, and what the readers of its documents raise.
    """
    if len(data) > MOST_HL7:
        raise BrokenInput(f"an HL7 message of more than {MOST_HL7 >> 20} MiB")
    marks, segments = _segments(decode(data.strip(b"\x0b\x1c\r\n \t")))
    _one_person(marks, segments)
    lines: list[Line] = []
    work = {"documents": 0}
    for fields in segments:
        for part in _shown(fields, marks, ocr):
            lines += part.lines
            for name, count in part.work.items():
                work[name] = work.get(name, 0) + count
            work["documents"] += bool(part.work)
    if not lines:
        raise BrokenInput("an HL7 message without a report in it: no OBX says anything")
    said = people(segments, marks.component, marks.repetition, marks.sub, marks.plain)
    return Reading(tuple(lines), said, work)


def _segments(text: str) -> tuple[Marks, list[list[str]]]:
    """Fields by segment. A line that begins no segment goes on with the one before it, as some senders do."""
    if len(text) < 9 or text[:3] != "MSH" or text[3].isalnum() or len(set(text[3:8])) != 5:
        raise BrokenInput("no HL7 message: it does not begin with MSH and its five marks")
    marks = Marks(text[3], text[4], text[5], text[6], text[7])
    found: list[str] = []
    for line in re.split(r"\r\n|\r|\n", text):
        begins = _SEGMENT.match(line)
        if begins and line[3:4] == marks.field:
            found.append(line)
        elif found and len(found) > 1:
            found[-1] += f"\n{line}"
        if len(found) > MOST_SEGMENTS:
            raise BrokenInput(f"an HL7 message of more than {MOST_SEGMENTS} segments")
    return marks, [line.split(marks.field) for line in found]


def _one_person(marks: Marks, segments: list[list[str]]) -> None:
    names = [fields[0] for fields in segments]
    if names.count("MSH") > 1 or {"FHS", "BHS"} & set(names):
        raise UnsupportedFormat("a batch of HL7 messages: give them one by one")
    if names.count("PID") > 1:
        raise UnsupportedFormat("an HL7 message about several patients")
    kind = segments[0][8].split(marks.component)[0] if len(segments[0]) > 8 else ""
    if kind not in KINDS:
        raise UnsupportedFormat(f"an HL7 message that is no report ({' and '.join(sorted(KINDS))} are read)")


def _shown(fields: list[str], marks: Marks, ocr: bool) -> Iterator[Reading]:
    if fields[0] == "NTE" and len(fields) > 3:
        yield Reading(as_lines(_said(fields[3], marks)))
    if fields[0] != "OBX" or len(fields) <= 5:
        return
    kind = fields[2].strip()
    if kind == "ED":
        for value in fields[5].split(marks.repetition):
            if value.strip():
                yield _document(value.split(marks.component), ocr)
    elif kind in _WORDS:
        yield Reading(as_lines(_said(fields[5], marks)))
    elif fields[5].strip():
        raise UnsupportedFormat("an OBX segment of a kind that is neither text nor a document")


def _said(value: str, marks: Marks) -> str:
    repeats = value.split(marks.repetition)
    return tidy("\n".join(marks.plain(one.replace(marks.component, " ")) for one in repeats))


def _document(parts: list[str], ocr: bool) -> Reading:
    """Encapsulated data: source ^ type ^ subtype ^ encoding ^ data."""
    if len(parts) < 5 or parts[3].strip().lower() != "base64":
        raise UnsupportedFormat("a document in an HL7 message that is not written in base64")
    try:
        data = base64.b64decode(re.sub(r"\s|\\\.br\\", "", parts[4]), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BrokenInput("a document in an HL7 message whose base64 is broken") from error
    if b"%PDF-" in data[:1024]:
        return read_pdf(data, ocr=ocr)
    if data.lstrip()[:5] == b"{\\rtf":
        return Reading(read_rtf(data).lines, work={"rtf": 1})
    raise UnsupportedFormat("a document in an HL7 message that is neither PDF nor RTF")
