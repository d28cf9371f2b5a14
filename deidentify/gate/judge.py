"""The judgement over one file: open it to its last layer, search every layer, say what was found and
where."""

import hashlib
import mmap
import pkgutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from deidentify.gate.errors import BadKnown, CannotJudge, GateError
from deidentify.gate.needles import Finder, Grade
from deidentify.gate.pictures import barcodes_in
from deidentify.gate.streams import Budget, Finding, Stream, is_text, walk_blob
from deidentify.gate.values import spellings
from deidentify.gate.words import is_everyday_word, is_format_word

VERSION: Final = "1"
MOST_HITS: Final = 500
Opener = Callable[[Path, memoryview, Budget], Iterator[Stream | Finding]]
# By name: a gate that judges one report need not wait for the libraries of every slide format.
_OPENERS: Final = {
    "tiff": "deidentify.gate.tiff:walk_tiff",
    "hdf5": "deidentify.gate.hdf5:walk_hdf5",
    "dicom": "deidentify.gate.dicom:walk_dicom",
    "pdf": "deidentify.gate.pdf:walk_pdf",
}


@dataclass(frozen=True, slots=True)
class Hit:
    """Where something was found. It names the value by its place in the list, never by itself."""

    place: str
    encoding: str
    value: str
    offset: int


@dataclass(slots=True)
class Verdict:
    """``state`` is clean, found or unknown; only clean may leave."""

    state: str = "unknown"
    problem: str = ""
    format: str = ""
    sha256: str = ""
    bytes: int = 0
    streams: int = 0
    searched_bytes: int = 0
    needles: int = 0
    hits: list[Hit] = field(default_factory=list)

    def certificate(self) -> dict[str, object]:
        return {"gate_version": VERSION, **asdict(self)}


def judge(path: Path, known: dict[str, list[str]]) -> Verdict:
    """Search one file. A file that cannot be read to its end is unknown, unless something was found
    already."""
    verdict = Verdict()
    finder = Finder(spellings(known))
    if finder.count == 0:
        raise BadKnown("there is no known value to search for")
    verdict.needles = finder.count
    try:
        with path.open("rb") as file:
            verdict.bytes = path.stat().st_size
            if verdict.bytes == 0:
                raise CannotJudge("an empty file")
            # The map is closed with its last view: an error's traceback may still hold one.
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            verdict.sha256 = hashlib.sha256(view).hexdigest()
            verdict.format = sniff(view)
            _search(path, view, finder, verdict)
        verdict.state = "found" if verdict.hits else "clean"
    except (
        OSError,
        GateError,
        ValueError,
        struct.error,
        IndexError,
        KeyError,
        MemoryError,
        RuntimeError,
    ) as error:
        # Whatever a broken file makes a parser say: it was not read to its end.
        verdict.state, verdict.problem = (
            ("found" if verdict.hits else "unknown"),
            str(error) or type(error).__name__,
        )
    return verdict


def sniff(view: memoryview) -> str:
    head = bytes(view[:132])
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if head[:8] == b"\x89HDF\r\n\x1a\n":
        return "hdf5"
    if head[128:132] == b"DICM":
        return "dicom"
    for magic, name in (
        (b"PK\x03\x04", "zip"),
        (b"%PDF-", "pdf"),
        (b"\x89PNG", "png"),
        (b"\xff\xd8\xff", "jpeg"),
    ):
        if head.startswith(magic):
            return name
    if is_text(bytes(view)):
        return "text"
    return "unknown"


def _search(path: Path, view: memoryview, finder: Finder, verdict: Verdict) -> None:
    budget = Budget()
    seen: set[tuple[str, str, str]] = set()
    for stream in _streams(path, view, verdict, budget):
        verdict.streams += 1
        verdict.searched_bytes += len(stream.data)
        for match in finder.search(stream.data, stream.grade):
            if is_format_word(verdict.format, stream.place, match) or is_everyday_word(stream.data, match):
                continue
            key = (stream.place, match.needle.encoding, match.needle.label)
            if key not in seen and len(verdict.hits) < MOST_HITS:
                seen.add(key)
                verdict.hits.append(
                    Hit(stream.place, match.needle.encoding, match.needle.label, match.offset)
                )
    for place, _ in barcodes_in(budget.pictures):
        verdict.hits.append(Hit(place, "barcode", "a barcode", 0))


def _streams(path: Path, view: memoryview, verdict: Verdict, budget: Budget) -> Iterator[Stream]:
    if verdict.format in _OPENERS:
        opener: Opener = pkgutil.resolve_name(_OPENERS[verdict.format])
        for item in opener(path, view, budget):
            if isinstance(item, Stream):
                yield item
            else:
                verdict.hits.append(Hit(item.place, item.how, item.what, 0))
    elif verdict.format != "unknown":
        yield from walk_blob("file", bytes(view), budget)
    else:
        yield Stream("file", Grade.BINARY, view)
        raise CannotJudge("a format that the gate does not know")
