"""Vendor scanners that drop whole-slide files into a folder: which files are there, which are finished,
which are none.

Polling only: change notices do not cross network mounts. A file counts as complete when its size and time
stood still for a while, it is not named like a download, and everything that its own directory points at
lies inside it. Half-written files are left alone: they are reported and looked at again next time. Nothing
in the folder is ever changed.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import tifffile

import vslide
from vslide.errors import SlideError, Truncated

SUFFIXES = (".svs", ".tif", ".tiff", ".ndpi", ".dcm")
_UNFINISHED_SUFFIXES = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
_TIFF = (".svs", ".tif", ".tiff", ".ndpi")
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SlideFile:
    """A complete slide file. ``name`` is what its file name offers for matching; ``sha256`` of the whole
    file.
    """

    path: Path
    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that is no slide that can be read, with the reason in words."""

    path: Path
    reason: str


class FolderScan(NamedTuple):
    """What a look at the folder found, each part sorted by path."""

    complete: tuple[SlideFile, ...]
    unfinished: tuple[Path, ...]
    refused: tuple[RefusedFile, ...]


class Matches(NamedTuple):
    """Files by the barcode that they belong to, and those that belong to none, or to one that has a file
    already.
    """

    matched: dict[str, SlideFile]
    unmatched: tuple[SlideFile, ...]


def scan_folder(
    folder: Path, *, settle_s: float = 2.0, sleep: Callable[[float], None] = time.sleep
) -> FolderScan:
    """Look through a folder and its subfolders twice, ``settle_s`` apart. Hidden files are passed over.

    Raises NotADirectoryError when there is no such folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(str(folder))
    before = {path: _stamp(path) for path in _files(folder)}
    sleep(settle_s)
    complete: list[SlideFile] = []
    unfinished: list[Path] = []
    refused: list[RefusedFile] = []
    for path in _files(folder):
        stamp = before.get(path)
        if (
            stamp is None
            or stamp != _stamp(path)
            or stamp[0] == 0
            or path.suffix.lower() in _UNFINISHED_SUFFIXES
        ):
            unfinished.append(path)
            continue
        try:
            complete.append(_inspect(path))
        except Truncated:
            unfinished.append(path)
        except (SlideError, OSError) as error:
            refused.append(RefusedFile(path, str(error)))
    return FolderScan(tuple(complete), tuple(unfinished), tuple(refused))


def match(files: Iterable[SlideFile], barcodes: Iterable[str]) -> Matches:
    """Give each file to the barcode that its name carries: the whole name, or one part of it between
    separators.

    Two barcodes in one name, or two files for one barcode, are left to a person.
    """
    wanted = {barcode.casefold(): barcode for barcode in barcodes}
    claims: dict[str, list[SlideFile]] = {}
    unmatched: list[SlideFile] = []
    for file in files:
        found = _barcodes_in(file.name.casefold(), wanted)
        if len(found) == 1:
            claims.setdefault(found.pop(), []).append(file)
        else:
            unmatched.append(file)
    matched = {barcode: claimed[0] for barcode, claimed in claims.items() if len(claimed) == 1}
    unmatched += [file for claimed in claims.values() if len(claimed) > 1 for file in claimed]
    return Matches(matched, tuple(sorted(unmatched, key=lambda file: file.path)))


def _barcodes_in(name: str, wanted: dict[str, str]) -> set[str]:
    if name in wanted:
        return {wanted[name]}
    # A barcode may itself hold separators, so look for it whole, with none of its own signs around it.
    return {
        barcode
        for folded, barcode in wanted.items()
        if re.search(rf"(?<![a-z0-9]){re.escape(folded)}(?![a-z0-9])", name)
    }


def _files(folder: Path) -> list[Path]:
    inside = (
        path
        for path in folder.rglob("*")
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    return sorted(path for path in inside if path.is_symlink() or path.is_file())


def _stamp(path: Path) -> tuple[int, int]:
    state = path.lstat()
    return state.st_size, state.st_mtime_ns


def _inspect(path: Path) -> SlideFile:
    if path.is_symlink():
        raise OSError("a link, not a file")
    if path.suffix.lower() not in SUFFIXES:
        raise OSError(f"no slide format ({', '.join(SUFFIXES)})")
    if path.suffix.lower() in _TIFF:
        _check_tiff(path)
    vslide.inspect_file(path)  # in a limited process: a crafted file must not take this one down
    with vslide.open(path):
        pass
    return SlideFile(path, path.stem, path.stat().st_size, _sha256(path))


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


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
