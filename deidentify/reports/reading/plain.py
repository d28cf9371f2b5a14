"""Text files."""

from deidentify.errors import BrokenInput
from deidentify.reports.reading.model import MOST_TEXT, Reading, as_lines, tidy


def decode_text(data: bytes) -> str:
    """UTF-8, UTF-16 with its mark, else Windows-1252. Raises BrokenInput for what is no text."""
    if len(data) > MOST_TEXT:
        raise BrokenInput(f"a report of more than {MOST_TEXT >> 20} MiB of text")
    return tidy(decode(data))


def decode(data: bytes) -> str:
    """As `decode_text`, of any length and with whatever marks stand in it."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    if b"\0" in data:
        raise BrokenInput("a text file with zero bytes in it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def read_text(data: bytes) -> Reading:
    return Reading(as_lines(decode_text(data)))
