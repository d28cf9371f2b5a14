"""What a browser needs to view a slide of a site from the release's own file: a header, where each chunk
lies, and a small picture. The same file always gives the same bytes.
"""

import json
import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile
from numpy.typing import NDArray

import vslide
from core.errors import NotFound
from corpus.errors import ReleaseStopped
from corpus.site.tiled import tiles_of
from viewer import queries
from viewer.encoding import encoded
from viewer.tiles import compose
from vslide import NoSuchField, SlideError, SlideReader
from vslide.store import SlideFile

FORMAT: Final = "nocturne-site-slide"
VERSION: Final = 1
MAGIC: Final = b"NSI1"
TILED: Final = (".svs", ".tif", ".tiff")
SMALL_PX: Final = 512
"""The longer side of the small picture."""

Places = list[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""(offsets, sizes) in bytes of the chunks of each level."""


def write_sidecar(file: Path, row: dict[str, Any], stem: Path) -> bool:
    """`stem`.json (header, histograms, the file's length and hash of the manifest), `stem`.index
    (viewer/static/viewer/engine/ranges.js reads it) and `stem`.jpg, of an image of a release. False, and
    nothing is written, where a browser cannot read such a file in place.

    Raises ReleaseStopped where the file does not read, or is sealed.
    """
    try:
        with vslide.open(file) as reader:
            described = _mosaic if reader.kind == "mosaic" else _vendor
            about, places = described(file, reader, row)
            if not places:
                return False
            picture = _picture(reader)
    except (SlideError, NoSuchField, NotFound, tifffile.TiffFileError) as error:
        raise ReleaseStopped(f"{row['path']} cannot be read: {error}") from error
    if any((offsets + sizes).max(initial=0) > row["bytes"] for offsets, sizes in places):
        raise ReleaseStopped(f"{row['path']}: a chunk lies beyond the end of the file.")
    stem.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(about, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    stem.with_name(f"{stem.name}.json").write_text(text, encoding="utf-8", newline="\n")
    stem.with_name(f"{stem.name}.index").write_bytes(packed(places))
    stem.with_name(f"{stem.name}.jpg").write_bytes(picture)
    return True


def packed(levels: Places) -> bytes:
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


def _mosaic(file: Path, reader: SlideReader, row: dict[str, Any]) -> tuple[dict[str, Any], Places]:
    about = _about(reader, row)
    with SlideFile(file) as places:
        if places.header.key_id:
            raise ReleaseStopped(f"{row['path']} is sealed: a site shows clean slides only.")
        found = [places.index(level["downsample"]) for level in about["header"]["levels"]]
    return about, [(index.offsets, index.sizes) for index in found]


def _vendor(file: Path, reader: SlideReader, row: dict[str, Any]) -> tuple[dict[str, Any], Places]:
    found = tiles_of(file) if file.suffix in TILED else None
    if found is None:
        return {}, []
    about = _about(reader, row)
    width, height = reader.size
    place = {"x": [0], "y": [0], "z": [0], "t": [0], "registeredX": None, "registeredY": None}
    fields = {"width": width, "height": height, **place}
    as_mosaic = {"kind": "mosaic", "encoding": "jpeg", "layers": 1, "times": 1}
    about["header"] |= as_mosaic | {"levels": found.levels, "fields": fields}
    about["file"]["complete"] = found.tables
    return about, found.places


def _picture(reader: SlideReader) -> bytes:
    plain = np.dtype(reader.dtype) == np.uint8
    windows = queries.windows_of(reader.channels, () if plain else queries.histograms_of(reader))
    return encoded(compose(reader.thumbnail(SMALL_PX), windows), "jpg")
