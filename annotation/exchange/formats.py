"""Which format is it, who reads it and who writes it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from annotation.exchange import carried, darwin, dicom, dsa, geojson, imagescope, jsons
from annotation.exchange.errors import NotReadable, TooLarge, UnsupportedFormat
from annotation.exchange.model import Document, Image, Written

LARGEST: Final = 256 * 1024 * 1024
MOST_SHAPES: Final = 1_000_000
FORMATS: Final = carried.FORMATS
_WRITERS: Final[dict[str, Callable[[Document], Written]]] = {
    "imagescope": imagescope.write,
    "geojson": geojson.write,
    "dsa": dsa.write,
    "darwin": darwin.write,
}


def read(content: bytes) -> Document:
    """Read a file of any format, told apart by how it begins. Raises NotReadable, TooLarge,
    UnsupportedFormat.
    """
    return recognised(content)[1]


def recognised(content: bytes) -> tuple[str, Document]:
    """The format's name, and what the file holds."""
    if len(content) > LARGEST:
        raise TooLarge(f"This file has {len(content):,} bytes; at most {LARGEST:,} are read.")
    name, document = _read(content)
    if len(document.shapes) > MOST_SHAPES:
        raise TooLarge(
            f"This file holds {len(document.shapes):,} annotations; at most {MOST_SHAPES:,} are read."
        )
    return name, document


def _read(content: bytes) -> tuple[str, Document]:
    if dicom.is_dicom(content):
        return dicom.read(content)
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    # XML may be UTF-16; JSON may not
    if start == b"<" or content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "imagescope", imagescope.read(content)
    if start not in {b"{", b"["}:
        raise NotReadable("This is neither XML nor JSON nor DICOM.")
    return _read_json(jsons.load(content))


def _read_json(data: Any) -> tuple[str, Document]:
    if dsa.is_ours(data):
        return "dsa", dsa.read(data)
    if darwin.is_ours(data):
        return "darwin", darwin.read(data)
    return "geojson", geojson.read(data)


def write(document: Document, target: str, image: Image | None = None) -> Written:
    """Write `document` as `target`; the notes name what other programs will not find in it. `image` is what a
    DICOM file refers to. Raises UnsupportedFormat, which says what is written instead.
    """
    if target not in FORMATS:
        raise UnsupportedFormat(f"“{target}” is not written; {', '.join(FORMATS)} are.")
    try:
        written = _WRITERS[target](document) if target in _WRITERS else dicom.write(document, target, image)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # What one format says of a shape is kept inside another as it came, and may come back changed.
        raise NotReadable(f"What this file keeps of another format cannot be written: {error}") from error
    return replace(written, notes=(*carried.notes_on(document, target), *written.notes))
