"""PDF: raw bytes, every stream through its filters, every object's texts, attachments, and the words of every
page put together again from their pieces."""

import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pypdf
from pypdf.errors import PyPdfError
from pypdf.generic import (
    ArrayObject,
    ByteStringObject,
    DictionaryObject,
    IndirectObject,
    NameObject,
    StreamObject,
    TextStringObject,
)

from deidentify.gate.blobs import walk_blob, walk_inside
from deidentify.gate.errors import CannotJudge
from deidentify.gate.needles import Grade
from deidentify.gate.streams import Budget, Stream, inflate
from deidentify.gate.writings import is_text

MOST_OBJECTS: Final = 20_000
MOST_DEPTH: Final = 12
MOST_NESTED: Final = 100
_STREAM: Final = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_PICTURES: Final = frozenset({"/DCTDecode", "/JPXDecode", "/CCITTFaxDecode", "/JBIG2Decode"})
_BROKEN: Final = (
    PyPdfError, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, zlib.error,
    NotImplementedError, AssertionError,
)  # fmt: skip


def walk_pdf(path: Path, view: memoryview, budget: Budget) -> Iterator[Stream]:
    data = bytes(view)
    yield Stream("file", Grade.BINARY, data)
    yield from walk_inside("file", _STREAM.sub(b"", data), budget)
    for number, found in enumerate(_STREAM.finditer(data)):
        raw = found.group(1).rstrip(b"\r\n")
        inflated = inflate(f"stream {number}", raw, budget)
        yield from _opened(f"stream {number}", inflated or raw, budget)
    _shallow(_STREAM.sub(b"", data))
    try:
        with pypdf.PdfReader(path) as reader:
            if reader.is_encrypted:
                raise CannotJudge("an encrypted PDF")
            yield Stream("document information", Grade.TEXT, str(reader.metadata or "").encode())
            yield from _objects(reader, budget)
            for number, page in enumerate(reader.pages):
                text = page.extract_text()
                yield Stream(f"page {number}", Grade.TEXT, text.encode("utf-8", "replace"))
    except _BROKEN as error:
        raise CannotJudge(f"PDF cannot be read to its end: {error}") from error
    if re.search(rb"/Subtype\s*/Image", data):
        raise CannotJudge("a PDF with pictures: what they show is not searched here")


def _shallow(data: bytes) -> None:
    """Brackets in brackets without end keep the library busy for ever."""
    depth = 0
    for bracket in re.finditer(rb"<<|>>|[\[\]]", data):
        depth = max(depth + (1 if bracket.group() in (b"<<", b"[") else -1), 0)
        if depth > MOST_NESTED:
            raise CannotJudge(f"objects nested deeper than {MOST_NESTED}")


def _opened(place: str, data: bytes, budget: Budget) -> Iterator[Stream]:
    if data.startswith(b"\xff\xd8\xff") or is_text(data):
        yield from walk_blob(place, data, budget, 1)
        return
    yield Stream(place, Grade.BINARY, data)
    yield from walk_inside(place, data, budget, 1)


def _objects(reader: pypdf.PdfReader, budget: Budget) -> Iterator[Stream]:
    """Every object that the tables name, those packed in object streams too."""
    plain = {number for table in reader.xref.values() for number in table}
    numbers = sorted(plain | set(reader.xref_objStm))
    if len(numbers) > MOST_OBJECTS:
        raise CannotJudge(f"a PDF of {len(numbers)} objects")
    for number in numbers:
        generation = next((g for g, table in reader.xref.items() if number in table), 0)
        item = reader.get_object(IndirectObject(number, generation, reader))
        yield Stream(f"object {number}", Grade.TEXT, b"\n".join(_texts(item, 0)) or b" ")
        if isinstance(item, StreamObject) and not _PICTURES & _filters(item):
            decoded = item.get_data()
            budget.take(len(decoded), f"object {number}")
            yield from _opened(f"object {number} stream", decoded, budget)


def _filters(item: StreamObject) -> set[str]:
    named: Any = item.get("/Filter", [])
    named = named.get_object() if isinstance(named, IndirectObject) else named
    return {str(name) for name in (named if isinstance(named, ArrayObject) else [named])}


def _texts(item: Any, depth: int) -> Iterator[bytes]:
    """The texts of an object; what it refers to is an object of its own."""
    if depth > MOST_DEPTH:
        raise CannotJudge(f"objects nested deeper than {MOST_DEPTH}")
    if isinstance(item, TextStringObject | NameObject):
        yield str(item).encode("utf-8", "replace")
    elif isinstance(item, ByteStringObject):
        yield bytes(item)
    elif isinstance(item, DictionaryObject):
        for key, value in item.items():
            yield str(key).encode("utf-8", "replace")
            yield from _texts(value, depth + 1)
    elif isinstance(item, ArrayObject):
        for value in item:
            yield from _texts(value, depth + 1)
