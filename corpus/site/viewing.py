"""What a browser needs to view a slide of a site from the release's own file: a header, where each chunk
lies, and a small picture. The same file always gives the same bytes.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import vslide
from core.errors import NotFound
from corpus.errors import ReleaseStopped
from viewer import queries
from viewer.encoding import encoded
from viewer.tiles import compose
from vslide import NoSuchField, SlideError, SlideReader
from vslide.store import SlideFile

FORMAT: Final = "nocturne-site-slide"
VERSION: Final = 1
MAGIC: Final = b"NSI1"
SMALL_PX: Final = 512
"""The longer side of the small picture."""
VIEWED: Final = (".h5",)
"""Files that a browser reads in place; others are downloaded."""


def write_sidecar(file: Path, row: dict[str, Any], stem: Path) -> None:
    """`stem`.json (header, histograms, the file's length and hash of the manifest), `stem`.index
    (viewer/static/viewer/engine/ranges.js reads it) and `stem`.jpg, of a mosaic of a release.

    Raises ReleaseStopped where the file does not read, or is sealed.
    """
    try:
        with vslide.open(file) as reader, SlideFile(file) as places:
            if places.header.key_id:
                raise ReleaseStopped(f"{row['path']} is sealed: a site shows clean slides only.")
            about = _about(reader, row)
            index = packed(list(_indices(places, about["header"], row["bytes"])))
            picture = _picture(reader)
    except (SlideError, NoSuchField, NotFound) as error:
        raise ReleaseStopped(f"{row['path']} cannot be read: {error}") from error
    stem.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(about, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    stem.with_name(f"{stem.name}.json").write_text(text, encoding="utf-8", newline="\n")
    stem.with_name(f"{stem.name}.index").write_bytes(index)
    stem.with_name(f"{stem.name}.jpg").write_bytes(picture)


def packed(levels: list[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> bytes:
    """(offsets, sizes) in bytes of the chunks of each level, as the index has them: little-endian magic
    "NSI1", uint32 count, count x uint64 offset, count x uint32 size.
    """
    offsets = np.concatenate([offsets.ravel() for offsets, _ in levels]).astype("<u8")
    sizes = np.concatenate([sizes.ravel() for _, sizes in levels]).astype("<u4")
    return MAGIC + struct.pack("<I", len(offsets)) + offsets.tobytes() + sizes.tobytes()


def _about(reader: SlideReader, row: dict[str, Any]) -> dict[str, Any]:
    sha256 = row["sha256"]
    return {
        "format": FORMAT,
        "version": VERSION,
        "file": {"path": row["path"], "bytes": row["bytes"], "sha256": sha256},
        "header": queries.header_of(reader, uid=sha256[:16], version=sha256[:16]),
        "channels": [one.as_row() for one in queries.histograms_of(reader)],
    }


def _indices(
    places: SlideFile, header: dict[str, Any], length: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    for level in header["levels"]:
        index = places.index(level["downsample"])
        if (index.offsets + index.sizes).max(initial=0) > length:
            raise ReleaseStopped(f"{places.path.name}: a chunk lies beyond the end of the file.")
        yield index.offsets, index.sizes


def _picture(reader: SlideReader) -> bytes:
    plain = np.dtype(reader.dtype) == np.uint8
    windows = queries.windows_of(reader.channels, () if plain else queries.histograms_of(reader))
    return encoded(compose(reader.thumbnail(SMALL_PX), windows), "jpg")
