"""Each input in a limited process: it must end with a right answer or an error by name. Dying, dawdling,
eating the memory or an error without a name is what the campaign counts."""

import functools
import logging
import os
import resource
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.faults.apart import apart
from tests.faults.canaries.reports import REPORTS, docx
from tests.faults.canaries.slides import DICOMS, MOSAICS, NDPIS, TIFFS, mosaic
from tests.faults.inputs.hostile import HOSTILE
from tests.faults.inputs.mutations import mutated
from tests.faults.inputs.readers import ANSWER, READERS, TYPED
from tests.faults.tally import Tally
from tests.wire.making import Ask, Item, Told
from wire.message import Codec

MEMORY_MIB, SLOW_S = 3072, 30.0
DEAR = {"cleaner": 4, "inspector": 4}
"""Readers that start a process for each file get so many times fewer of them."""
SHARED = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
NAMED = b"Q. Vandermeer"


@dataclass(frozen=True, slots=True)
class Input:
    """By number a mutation of a sound file of that kind, or by name one made to hurt."""

    reader: str
    kind: str
    number: int = 0
    hostile: str = ""


KINDS = {
    "gate": ("svs", "dcm", "h5", "docx", "pdf", "rtf", "txt", "zip"),
    "cleaner": ("svs", "dcm", "h5", "docx", "txt"),
    "inspector": ("svs", "dcm", "h5"),
    "annotations": ("xml", "json", "dcm"),
    "report": ("docx", "txt"),
    "frame": ("frame",),
}


def campaign(
    *,
    n: int,
    seed: int = 1,
    jobs: int = 2,
    readers: Sequence[str] = tuple(READERS),
    say: Callable[[str], None],
) -> Tally:
    """`n` mutations for each reader, and every hostile file for every reader."""
    began, tally = time.monotonic(), Tally()
    for reader in readers:
        wanted = list(_wanted(reader, n, seed))
        said = apart(tried, wanted, jobs)
        for item, verdict in zip(wanted, said, strict=True):
            _count(tally, item, verdict)
        say(f"{reader}: {len(wanted)} inputs, {dict(Counter(said))}, {time.monotonic() - began:.0f} s")
    tally.seconds = time.monotonic() - began
    return tally


def _wanted(reader: str, n: int, seed: int) -> Iterator[Input]:
    for number in range(-(-n // DEAR.get(reader, 1))):
        kinds = KINDS[reader]
        yield Input(reader, kinds[number % len(kinds)], seed * 1_000_000 + number)
    yield from (Input(reader, name.rsplit(".", 1)[1], hostile=name) for name in HOSTILE)


def _count(tally: Tally, item: Input, verdict: str) -> None:
    tally.tried += 1
    tally.count(f"{item.reader}_{verdict if verdict in (ANSWER, TYPED) else 'failed'}", 1)
    if verdict in (ANSWER, TYPED):
        return
    tally.problems.append(f"{item.reader}, {item.hostile or f'{item.kind} {item.number}'}: {verdict}")
    tally.unreadable += 1


def tried(item: Input) -> str:
    """What becomes of one input, in a process of its own, which may die of it."""
    logging.disable(logging.CRITICAL)  # what libraries say of a broken file
    limit = MEMORY_MIB << 20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    return outcome(item)


def outcome(item: Input) -> str:
    """An answer, an error by name, or what else came of it."""
    data = HOSTILE[item.hostile]() if item.hostile else mutated(_sound(item.kind), Random(item.number))
    with tempfile.TemporaryDirectory(prefix="nocturne-input-") as name:
        path = Path(name) / f"input.{item.kind}"
        path.write_bytes(data)
        began = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a library's doubts about a broken file
                said = READERS[item.reader](path)
        except MemoryError:
            return "out of memory"
        except Exception as error:  # noqa: BLE001  the campaign's main loop: an error without a name is its find
            return f"{type(error).__name__}: {error}"[:200]
        taken = time.process_time() - began
    return said if taken < SLOW_S else f"slow: {taken:.0f} s"


@functools.cache
def _sound(kind: str) -> tuple[bytes, ...]:
    """Sound files of a kind: those of the canaries, and the shared annotation files where they are there."""
    if kind in ("xml", "json"):
        return _annotations(kind)
    if kind == "frame":
        codec = Codec((Ask, Told, Item))
        return tuple(codec.encode(message) for message in (Ask(n=1), Told(n=5), Ask(n=2**40)))
    plants = {**TIFFS, **NDPIS, **DICOMS, **MOSAICS, **REPORTS}
    prefix = {"dcm": "dicom", "h5": "hdf5"}.get(kind, kind)
    made = [make(NAMED) for place, make in plants.items() if place.split(":")[0] == prefix]
    return (*made, *({"h5": [mosaic()], "docx": [docx()]}.get(kind, ())))


def _annotations(kind: str) -> tuple[bytes, ...]:
    endings = ("xml",) if kind == "xml" else ("json", "geojson", "anot")
    found = [
        file.read_bytes()
        for ending in endings
        for file in sorted((SHARED / "annotations").glob(f"*.{ending}"))
    ]
    small = {
        "xml": b'<Annotations MicronsPerPixel="0.5"><Annotation Id="1"><Regions><Region Id="1" Type="0">'
        b'<Vertices><Vertex X="1" Y="2"/><Vertex X="9" Y="2"/><Vertex X="9" Y="8"/></Vertices></Region>'
        b"</Regions></Annotation></Annotations>",
        "json": b'{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Polygon",'
        b'"coordinates":[[[0,0],[9,0],[9,9],[0,0]]]},"properties":{"objectType":"annotation"}}]}',
    }
    return (small[kind], *found)
