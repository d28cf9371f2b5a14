"""Every place in every encoding: found before, gone after. A file that is refused with its reason has not
leaked and is counted apart."""

import io
import json
import multiprocessing
import re
import tempfile
import time
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

from deidentify.errors import DeidentifyError
from deidentify.files import deidentify_file
from deidentify.gate.judge import judge
from deidentify.gate.values import parse_known
from deidentify.known import Known
from tests.deidentify.making import ENCODINGS, KNOWN, PERSON
from tests.faults.canaries.reports import REPORTS
from tests.faults.canaries.slides import DICOMS, MOSAICS, NDPIS, TIFFS
from tests.faults.tally import Tally

PLACES = {**TIFFS, **NDPIS, **DICOMS, **MOSAICS, **REPORTS}
SUFFIX = {"svs": ".svs", "tiff": ".tif", "ome": ".ome.tif", "ndpi": ".ndpi", "dicom": ".dcm", "hdf5": ".h5"}
REWRITTEN = {"pdf": ".docx", "rtf": ".docx"}  # a report of these kinds becomes a Word document
FOUND, MISSED, CLEAN, REFUSED, LEAKED, BROKEN = "found", "missed", "clean", "refused", "leaked", "broken"
_PACKED = re.compile(rb"\x78[\x01\x5e\x9c\xda]")


@dataclass(frozen=True, slots=True)
class Canary:
    place: str
    encoding: str


@dataclass(frozen=True, slots=True)
class Fate:
    """``before`` is found or missed; ``after`` is clean, refused (``reason`` says by which error), leaked or
    broken."""

    canary: Canary
    before: str
    after: str
    reason: str = ""


def campaign(
    *,
    seed: int = 1,
    places: int = 0,
    jobs: int = 2,
    encodings: Sequence[str] = (),
    say: Callable[[str], None],
) -> Tally:
    """All places, or `places` of them drawn by the seed; all encodings, or those named."""
    began, tally = time.monotonic(), Tally()
    drawn = Random(seed).sample(sorted(PLACES), min(places or len(PLACES), len(PLACES)))
    wanted = [Canary(place, encoding) for place in sorted(drawn) for encoding in encodings or ENCODINGS]
    refused: Counter[str] = Counter()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for number, fate in enumerate(pool.map(release, wanted, chunksize=4), 1):
            _count(tally, fate, refused)
            if number % 100 == 0:
                say(f"{number} of {len(wanted)}, {time.monotonic() - began:.0f} s")
    for name, number in (("places", len(drawn)), ("encodings", len(encodings or ENCODINGS))):
        tally.count(name, number)
    tally.facts["refusals"] = dict(sorted(refused.items()))
    tally.seconds = time.monotonic() - began
    return tally


def _count(tally: Tally, fate: Fate, refused: Counter[str]) -> None:
    tally.tried += 1
    for name, hit in (
        ("found_before", fate.before == FOUND),
        ("remaining_after", fate.after == LEAKED),
        ("clean_after", fate.after == CLEAN),
        ("refused", fate.after == REFUSED),
    ):
        tally.count(name, int(hit))
    where = f"{fate.canary.place}, {fate.canary.encoding}"
    if fate.after == REFUSED:
        refused[f"{fate.canary.place}: {fate.reason}"] += 1
    if fate.before == MISSED:
        tally.lost += 1
        tally.problems.append(f"{where}: planted and not found")
    if fate.after == LEAKED:
        tally.silent += 1
        tally.problems.append(f"{where}: still there after cleaning ({fate.reason})")
    if fate.after == BROKEN:
        tally.unreadable += 1
        tally.problems.append(f"{where}: {fate.reason}")


def release(canary: Canary) -> Fate:
    """Plant it, search for it, clean the file, and search the clean file by other means."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a library's doubts about what was planted
        return _released(canary)


def _released(canary: Canary) -> Fate:
    planted = ENCODINGS[canary.encoding](PERSON)
    kind = canary.place.split(":")[0]
    with tempfile.TemporaryDirectory(prefix="nocturne-canary-") as name:
        source = Path(name) / f"planted{SUFFIX.get(kind, f'.{kind}')}"
        source.write_bytes(PLACES[canary.place](planted))
        verdict = judge(source, parse_known(json.dumps(KNOWN)), ocr="off")
        before = FOUND if any(hit.encoding != "structure" for hit in verdict.hits) else MISSED
        target = Path(name) / f"clean{REWRITTEN.get(kind, source.suffix)}"
        try:
            deidentify_file(source, target, Known.from_dict(KNOWN))
        except DeidentifyError as error:
            left = sorted(file.name for file in Path(name).iterdir() if file != source)
            reason = f"{error.code} leaves {left}" if left else error.code
            return Fate(canary, before, LEAKED if left else REFUSED, reason)
        except Exception as error:  # noqa: BLE001  the campaign's main loop: whatever is not typed is what it looks for
            return Fate(canary, before, BROKEN, f"{type(error).__name__}: {error}")
        left = [where for file in _published(name, source) for where in leftovers(file.read_bytes(), planted)]
        return Fate(canary, before, LEAKED if left else CLEAN, ", ".join(left))


def _published(folder: str, source: Path) -> list[Path]:
    return sorted(file for file in Path(folder).iterdir() if file != source)


def leftovers(data: bytes, planted: bytes) -> list[str]:
    """Where the planted bytes or the person's last name still stand: a search that shares nothing with the
    gate."""
    wanted = {planted, *(word.encode(form) for word in PERSON.split() for form in ("ascii", "utf-16-le"))}
    lowered = {word.lower() for word in wanted}
    return [name for name, layer in _layers(data) if any(word in layer.lower() for word in lowered)]


def _layers(data: bytes) -> Iterator[tuple[str, bytes]]:
    yield "bytes", data
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from ((name, archive.read(name)) for name in archive.namelist())
    for found in _PACKED.finditer(data):
        try:
            yield f"packed at {found.start()}", zlib.decompressobj().decompress(data[found.start() :])
        except zlib.error:
            continue
