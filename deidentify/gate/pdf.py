"""PDF: raw bytes, every flate stream, and the text of every page put together again from its pieces."""

import re
from collections.abc import Iterator
from pathlib import Path

import pypdf
from pypdf.errors import PyPdfError

from deidentify.gate.errors import CannotJudge
from deidentify.gate.needles import Grade
from deidentify.gate.streams import Budget, Stream, inflate, walk_blob

_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)


def walk_pdf(path: Path, view: memoryview, budget: Budget) -> Iterator[Stream]:
    data = bytes(view)
    yield Stream("file", Grade.BINARY, data)
    for number, found in enumerate(_STREAM.finditer(data)):
        inflated = inflate(f"stream {number}", found.group(1), budget)
        yield from walk_blob(f"stream {number}", inflated or found.group(1).rstrip(b"\r\n"), budget)
    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted:
            raise CannotJudge("an encrypted PDF")
        yield Stream("document information", Grade.TEXT, str(reader.metadata or "").encode())
        for number, page in enumerate(reader.pages):
            text = page.extract_text()
            yield Stream(f"page {number}", Grade.TEXT, text.encode("utf-8", "replace"))
    except (PyPdfError, OSError, ValueError, KeyError) as error:
        raise CannotJudge(f"PDF cannot be read to its end: {error}") from error
    if re.search(rb"/Subtype\s*/Image|/ObjStm", data):
        raise CannotJudge("a PDF with pictures or packed objects: what they show is not searched here")
