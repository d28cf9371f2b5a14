"""The judgement over one file: open it to its last layer, search every layer, say what was found and
where."""

import hashlib
import mmap
import pkgutil
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from deidentify.gate.blobs import walk_blob
from deidentify.gate.errors import BadKnown, CannotJudge, GateError
from deidentify.gate.needles import Finder
from deidentify.gate.pictures import Lookout
from deidentify.gate.streams import Budget, Finding, Stream
from deidentify.gate.values import spellings
from deidentify.gate.verdict import Hit, Verdict
from deidentify.gate.words import is_everyday_word, is_format_word
from deidentify.gate.writings import is_text

MOST_HITS: Final = 500
Opener = Callable[[Path, memoryview, Budget], Iterator[Stream | Finding]]
# By name: a gate that judges one report need not wait for the libraries of every slide format.
_OPENERS: Final = {
    "tiff": "deidentify.gate.tiff:walk_tiff",
    "hdf5": "deidentify.gate.hdf5:walk_hdf5",
    "dicom": "deidentify.gate.dicom:walk_dicom",
    "pdf": "deidentify.gate.pdf:walk_pdf",
}
_MAGICS: Final = (
    (b"PK\x03\x04", "zip"),
    (b"%PDF-", "pdf"),
    (b"{\\rtf", "rtf"),
    (b"\x89PNG", "png"),
    (b"\xff\xd8\xff", "jpeg"),
)


def judge(path: Path, known: dict[str, list[str]], *, ocr: str = "auto") -> Verdict:
    """Search one file. A file that cannot be read to its end is unknown, unless something was found
    already."""
    verdict, started = Verdict(), time.monotonic()
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
            _search(path, view, finder, verdict, Lookout(known, ocr))
            problem = ""
    except (GateError, OSError, ArithmeticError, LookupError, ValueError, TypeError, AttributeError) as error:
        # Whatever a broken file makes a parser say: it was not read to its end.
        problem = str(error) or type(error).__name__
    except (struct.error, MemoryError, RuntimeError, EOFError, SyntaxError) as error:
        problem = str(error) or type(error).__name__
    verdict.problem = problem
    verdict.state = "found" if verdict.hits else "unknown" if problem else "clean"
    verdict.seconds = round(time.monotonic() - started, 3)
    return verdict


def sniff(view: memoryview) -> str:
    head = bytes(view[:132])
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if head[:8] == b"\x89HDF\r\n\x1a\n":
        return "hdf5"
    if head[128:132] == b"DICM":
        return "dicom"
    for magic, name in _MAGICS:
        if head.startswith(magic):
            return name
    if is_text(bytes(view)):
        return "text"
    return "unknown"


def _search(path: Path, view: memoryview, finder: Finder, verdict: Verdict, lookout: Lookout) -> None:
    budget = Budget()
    seen: set[tuple[str, str, str]] = set()

    def note(place: str, encoding: str, label: str, offset: int) -> None:
        if (place, encoding, label) not in seen and len(verdict.hits) < MOST_HITS:
            seen.add((place, encoding, label))
            verdict.hits.append(Hit(place, encoding, label, offset))

    for stream in _streams(path, view, verdict, budget):
        verdict.streams += 1
        kind = stream.grade.name.lower()
        verdict.opened[kind] = verdict.opened.get(kind, 0) + 1
        verdict.searched_bytes += len(stream.data)
        for match in finder.search(stream.data, stream.grade):
            if is_format_word(verdict.format, stream.place, match) or is_everyday_word(stream.data, match):
                continue
            note(stream.place, match.needle.encoding, match.needle.label, match.offset)
    verdict.unopened = budget.unopened
    for finding in lookout.look(budget.pictures):
        note(finding.place, finding.how, finding.what, 0)
    verdict.pictures, verdict.ocr = lookout.looked, lookout.said
    lookout.insist()


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
        yield from walk_blob("file", bytes(view[: 64 << 20]), budget)
        raise CannotJudge("a format that the gate does not know")
