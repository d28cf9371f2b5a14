"""Which format is it, and who reads it."""

from collections.abc import Callable
from typing import Final

from annotation.exchange import geojson, imagescope
from annotation.exchange.errors import NotReadable, TooLarge, UnsupportedFormat
from annotation.exchange.model import Document, Written

LARGEST: Final = 256 * 1024 * 1024
FORMATS: Final = ("imagescope", "geojson", "dicom")
_READERS: Final[dict[str, Callable[[bytes], Document]]] = {
    "imagescope": imagescope.read,
    "geojson": geojson.read,
}
_WRITERS: Final[dict[str, Callable[[Document], Written]]] = {
    "imagescope": imagescope.write,
    "geojson": geojson.write,
}


def read(content: bytes) -> Document:
    """Read a file of either format, told apart by its first character. Raises NotReadable, TooLarge,
    UnsupportedFormat.
    """
    if len(content) > LARGEST:
        raise TooLarge(f"This file has {len(content):,} bytes; at most {LARGEST:,} are read.")
    if content[128:132] == b"DICM":
        raise UnsupportedFormat("DICOM annotations are not read yet: give ImageScope XML or QuPath GeoJSON.")
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    name = {b"<": "imagescope", b"{": "geojson", b"[": "geojson"}.get(start)
    if name is None and content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        name = "imagescope"  # XML may be UTF-16; JSON may not
    if name is None:
        raise NotReadable("This is neither XML nor JSON.")
    return _READERS[name](content)


def write(document: Document, target: str) -> Written:
    """Write `document` as `target`. Raises UnsupportedFormat, which says what is written instead."""
    if target not in _WRITERS:
        known = " and ".join(sorted(_WRITERS))
        raise UnsupportedFormat(f"“{target}” is not written yet: {known} are.")
    return _WRITERS[target](document)
