"""One bit turned over at random in a journal, in a slide's file, in its tables, in its manifest: is it seen?

Of the slide's file three are asked: the check with the manifest, the check without it, and a reader that
checks nothing and shows what it decodes.
"""

import functools
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

import vslide
from tests.faults.apart import apart
from tests.faults.scan import random_id
from tests.faults.tally import Tally
from vslide.build import build
from vslide.codec import chunk_grid, encode_plane
from vslide.errors import SlideError
from vslide.journal import Journal, Recovered, recover, segments
from vslide.layout import CHECKSUMS, INDEX, POSITIONS
from vslide.manifest import manifest_path, read_manifest
from vslide.model import Channel, FieldKey, Plane, SlideHeader
from vslide.store import SlideFile
from vslide.verify import verify_slide

ROWS, COLUMNS, WIDE, TALL = 3, 4, 256, 192
CHANNELS = ("DAPI", "FITC", "TRITC")
Flip = tuple[int, int]
"""Byte and bit."""
Say = Callable[[str], None]
SEEN, MISSED = "seen", "missed"
JUDGED = ("journal", "slide", "tables", "manifest")


def campaign(*, n: int, seed: int = 1, say: Say = lambda words: None) -> Tally:
    """`n` flips in each of journal, slide, tables and manifest."""
    tally, began, random = Tally(), time.monotonic(), Random(seed)
    with tempfile.TemporaryDirectory(prefix="nocturne-flips-") as name:
        folder = Path(name)
        slide = make_slide(folder, random)
        tally.count("slide_bytes", slide.stat().st_size)
        for what, found in _targets(folder, slide, n, random):
            tally.tried += n if what in JUDGED else 0
            for verdict, number in Counter(found).items():
                tally.count(f"{what}_{verdict}", number)
            say(f"{what}: {n} flips, {dict(Counter(found))}, {time.monotonic() - began:.0f} s")
    missed = {what: tally.counts[f"{what}_{MISSED}"] for what in JUDGED}
    tally.silent = sum(missed.values())
    tally.problems = [f"{what}: {number} flips went unseen" for what, number in missed.items() if number]
    tally.seconds = time.monotonic() - began
    return tally


def make_slide(folder: Path, random: Random) -> Path:
    """A journal of two fences and the slide that was made of it; 1 to 2 MB each."""
    dice = np.random.default_rng(random.randrange(2**32))
    chunk_height, chunk_width = chunk_grid(TALL, WIDE)
    header = SlideHeader(
        slide_id=random_id(random), run_id=random_id(random), modality="fluorescence", field_width=WIDE,
        field_height=TALL, dtype="uint16",
        channels=tuple(map(Channel, CHANNELS)), pixel_size_um=0.5, magnification=20.0, rows=ROWS,
        columns=COLUMNS, chunk_height=chunk_height, chunk_width=chunk_width,
    )  # fmt: skip
    planes = []
    for number in range(ROWS * COLUMNS):
        key = FieldKey(*divmod(number, COLUMNS))
        for channel in range(len(CHANNELS)):
            pixels = dice.poisson(20.0, (TALL, WIDE)).astype(np.uint16)  # of a dark camera
            chunks = encode_plane(pixels, header.chunk_shape)
            planes.append(Plane(key, channel, key.c * 120.0, key.r * 90.0, 0.0, chunks))
    for fence, until in ((1, len(planes) // 2), (2, len(planes))):
        with Journal.create(folder / "run", header, header.run_id, fence, len(planes)) as journal:
            for sequence, plane in enumerate(planes[:until]):
                journal.append(plane, sequence)
            journal.commit()
    return build(folder / "run", folder / "slides").path


def _targets(folder: Path, slide: Path, n: int, random: Random) -> Iterator[tuple[str, list[str]]]:
    """Name and verdicts of everything that is asked."""
    sound = recover(folder / "run")
    yield "journal", [_journal_verdict(folder / "run", sound, random) for _ in range(n)]
    anywhere = _flips([range(slide.stat().st_size)], n, random)
    tables = _flips(_table_bytes(slide), n, random)
    for what, flips in (("slide", anywhere), ("tables", tables)):
        yield what, apart(functools.partial(_checked, slide, with_manifest=True), flips)
        alone = apart(functools.partial(_checked, slide, with_manifest=False), flips)
        yield f"{what}_without_manifest", alone
    sent = [[bytes(plane) for plane in field] for field in _pixels(slide)]
    yield "reader", apart(functools.partial(_shown, slide, sent), anywhere)
    manifest = manifest_path(slide)
    in_text = _flips([range(manifest.stat().st_size)], n, random)
    yield "manifest", [_manifest_verdict(manifest, flip) for flip in in_text]


def _flips(places: Sequence[range], n: int, random: Random) -> list[Flip]:
    return [(random.choice(random.choice(places)), random.randrange(8)) for _ in range(n)]


@contextmanager
def flipped(path: Path, flip: Flip) -> Iterator[None]:
    """While this lasts the bit is turned over."""
    handle = os.open(path, os.O_RDWR)
    try:
        byte = os.pread(handle, 1, flip[0])[0]
        os.pwrite(handle, bytes([byte ^ 1 << flip[1]]), flip[0])
        try:
            yield
        finally:
            os.pwrite(handle, bytes([byte]), flip[0])
    finally:
        os.close(handle)


def flipped_copy(path: Path, flip: Flip) -> Path:
    """A copy with the bit turned over, for a process that may die of it."""
    content = bytearray(path.read_bytes())
    content[flip[0]] ^= 1 << flip[1]
    copy = path.with_name(f"flipped-{os.getpid()}.h5")
    copy.write_bytes(content)
    return copy


# --- the journal
def _journal_verdict(run: Path, sound: Recovered, random: Random) -> str:
    """Seen when a stretch is said to be bad; what is still given out must be what was written."""
    files = segments(run)
    sizes = [segment.path.stat().st_size for segment in files]
    segment = random.choices(files, sizes)[0]
    flip = random.randrange(segment.path.stat().st_size), random.randrange(8)
    with flipped(segment.path, flip):
        try:
            found = recover(run)
        except SlideError:
            return SEEN
        same = all(sound.planes[where] == record for where, record in found.planes.items())
        told = found.damaged or found.cut_bytes or len(found.planes) < len(sound.planes)
        return SEEN if same and told and found.header == sound.header else MISSED


# --- the slide, in another process
def _checked(slide: Path, flip: Flip, *, with_manifest: bool) -> str:
    faults = verify_slide(flipped_copy(slide, flip), manifest_path(slide), with_manifest=with_manifest)
    return SEEN if faults else MISSED


def _pixels(slide: Path) -> list[list[NDArray[Any]]]:
    with vslide.open(slide) as reader:
        return [
            [np.array(reader.plane(field.index, w)) for w in range(len(CHANNELS))] for field in reader.fields
        ]


def _shown(slide: Path, sent: list[list[bytes]], flip: Flip) -> str:
    """Right pixels, wrong ones, or an error."""
    try:
        shown = [[bytes(plane) for plane in field] for field in _pixels(flipped_copy(slide, flip))]
    except (SlideError, OSError, RuntimeError, ValueError, KeyError, IndexError, TypeError):
        return "error"
    return "right" if shown == sent else "wrong"


def _table_bytes(slide: Path) -> list[range]:
    """Where the tables and the texts of the header lie in the file."""
    with SlideFile(slide) as file:
        names = [POSITIONS, *(f"{group}/{name}" for group in (CHECKSUMS, INDEX) for name in file.file[group])]
        tables = [file.file[name] for name in names]
        places = [range(at, at + table.nbytes) for table in tables if (at := table.id.get_offset())]
        values = [bytes(np.asarray(value).tobytes()) for value in file.file.attrs.values()]
    content = slide.read_bytes()
    long = [value for value in values if len(value) >= 8 and content.count(value) == 1]
    return [*places, *(range(at, at + len(value)) for value in long if (at := content.index(value)))]


# --- the manifest
def _manifest_verdict(manifest: Path, flip: Flip) -> str:
    with flipped(manifest, flip):
        try:
            read_manifest(manifest)
        except SlideError:
            return SEEN
        return MISSED
