"""Is a file that stands still a whole slide? Everything it points at must lie inside it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import tifffile

import vslide
from vslide.dicom_file import SERIES, read_dicom, text
from vslide.errors import Truncated

TIFF = (".svs", ".tif", ".tiff", ".ndpi")
DICOM = ".dcm"
MIRAX = ".mrxs"
SUFFIXES = (*TIFF, DICOM)
_BLOCK = 512
_SMALL_BYTES = 1 << 20
_READ_BYTES = 1 << 20


def check(path: Path) -> str:
    """Look at everything but the pixels; returns the DICOM series that the file is of ("" for none).

    Raises ``Truncated`` for a file that is still being written, another ``SlideError`` or ``OSError`` for
    one that is no slide.
    """
    if path.is_symlink():
        raise OSError("a link, not a file")
    if path.suffix.lower() == MIRAX:
        raise OSError(_mirax(path))
    if path.suffix.lower() not in SUFFIXES:
        raise OSError(f"no slide format ({', '.join(SUFFIXES)})")
    _check_holes(path)
    if path.suffix.lower() in TIFF:
        _check_tiff(path)
    vslide.inspect_file(path)  # in a limited process: a crafted file must not take this one down
    with vslide.open(path):
        pass
    return text(read_dicom(path).elements, SERIES) if path.suffix.lower() == DICOM else ""


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _mirax(path: Path) -> str:
    folder = path.with_suffix("")
    parts = sum(1 for part in folder.rglob("*") if part.is_file()) if folder.is_dir() else 0
    return (
        f"a MIRAX slide is a file and a folder ({parts} files), and here a slide is one file: "
        "export it as .svs, .tif or .dcm"
    )


def _check_holes(path: Path) -> None:
    """A file that was made large first and is filled now, or one that never was: compressed pixels have no
    holes.
    """
    state = path.stat()
    written = state.st_blocks * _BLOCK
    if state.st_size > _SMALL_BYTES and written < state.st_size // 2:
        raise Truncated(f"only {written} of its {state.st_size} bytes are written")


def _check_tiff(path: Path) -> None:
    """Raises Truncated when a directory or a tile lies beyond the file's end: it is still being written."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
    if len(head) < 16 or head[:2] not in (b"II", b"MM"):
        raise OSError("not a TIFF file")
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    big = int.from_bytes(head[2:4], order) == 43
    first = int.from_bytes(head[8:16] if big else head[4:8], order)
    if first == 0 or first >= size:
        raise Truncated(f"its first directory would lie at byte {first} of {size}")
    try:
        with tifffile.TiffFile(path) as tiff:
            ends = list(_ends(tiff))
    except (tifffile.TiffFileError, ValueError, IndexError) as error:
        raise Truncated(f"its directories cannot be followed: {error}") from error
    if max(ends, default=0) > size:
        raise Truncated(f"pixels up to byte {max(ends)} of {size}")


def _ends(tiff: tifffile.TiffFile) -> Iterator[int]:
    """Where each piece of the pixels ends. Raises OSError for directories that run in a circle: tifffile
    would follow them for ever.
    """
    seen: set[int] = set()
    for page in tiff.pages:
        if page.offset in seen:
            raise OSError("its picture directories run in a circle")
        seen.add(page.offset)
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
            yield offset + count
