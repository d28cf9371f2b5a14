"""Getting back every plane whose checksum holds: from a torn journal, or from a slide that HDF5 cannot read
any more.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vslide.build import build_recovered
from vslide.coding import Coding
from vslide.errors import Damaged, SlideError
from vslide.find_chunks import find_chunks
from vslide.journal import Journal, recover
from vslide.layout import SHA256_BYTES
from vslide.manifest import Manifest, manifest_path, read_manifest
from vslide.model import FieldKey, Plane, SlideHeader, header_from_dict
from vslide.orders import read_order
from vslide.recovery import Opening
from vslide.store import SlideFile


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What came back. `lost` and `incomplete` hold (r, c, z, t, channel) and (r, c, z, t); `slide` is None if
    no field is whole, or if it is sealed and its key is not at hand: the journal has everything.
    """

    planes: int
    lost: tuple[tuple[int, int, int, int, int], ...]
    incomplete: tuple[FieldKey, ...]
    journal: Path
    slide: Manifest | None


@dataclass(frozen=True, slots=True)
class _Source:
    header: SlideHeader
    planes: Iterator[Plane]
    expected: tuple[tuple[FieldKey, int], ...]


def salvage(source: Path, destination: Path) -> Salvaged:
    """Write a new journal with every good plane, and a slide of the fields that are whole, below
    `destination`.

    `source` is a run's journal directory or a slide's .h5 file; with the manifest beside it the pixels are
    found by their checksums even when HDF5's tables are gone. The source is only read. Raises NotASlide or
    Damaged when nothing is left.
    """
    found = _open(source)
    header = found.header
    journal_dir = destination / f"run-{header.run_id}"
    with Journal.create(journal_dir, header, header.run_id, 1, len(found.expected)) as journal:
        for sequence, plane in enumerate(found.planes):
            journal.append(plane, sequence)
        journal.commit()
    kept = recover(journal_dir)
    channels = range(header.planes)
    keys = list(dict.fromkeys(key for key, _ in kept.planes))
    whole = [key for key in keys if all((key, w) in kept.planes for w in channels)]
    records = {(key, w): kept.planes[key, w] for key in whole for w in channels}
    complete = replace(kept, planned=len(records), planes=records, conflicts=())
    return Salvaged(
        planes=len(kept.planes),
        lost=tuple((k.r, k.c, k.z, k.t, w) for k, w in found.expected if (k, w) not in kept.planes),
        incomplete=tuple(key for key in keys if key not in set(whole)),
        journal=journal_dir,
        slide=build_recovered(complete, destination) if records and Coding(header).can_open() else None,
    )


def _open(source: Path) -> _Source:
    if source.is_dir():
        torn = recover(source, _ordered(source))
        keys = dict.fromkeys(key for key, _ in torn.planes)
        expected = tuple((key, w) for key in keys for w in range(torn.header.planes))
        return _Source(torn.header, iter(torn), expected)
    try:
        manifest = read_manifest(manifest_path(source))
    except (SlideError, OSError):
        return _by_tables(source)
    return _by_content(source, manifest)


def _ordered(directory: Path) -> Opening | None:
    """What the run was ordered with, beside a journal whose opening records are gone."""
    try:
        order = read_order(directory)
    except Damaged:
        return None
    return order.header, order.planned


def _by_content(source: Path, manifest: Manifest) -> _Source:
    """Find chunks by their sha256, whatever HDF5 thinks of the file."""
    header = header_from_dict(manifest.header)
    rows, columns = header.chunk_counts
    each = rows * columns
    keys = [FieldKey(*(int(number or 0) for number in position[:4])) for position in manifest.positions]
    expected = tuple((key, w) for key in keys for w in range(header.planes))

    def planes() -> Iterator[Plane]:
        where = find_chunks(source, header, frozenset(manifest.chunks))
        with source.open("rb") as stream:
            for number, (key, channel) in enumerate(expected):
                wanted = manifest.chunks[number * each : (number + 1) * each]
                if not all(digest in where for digest in wanted):
                    continue
                chunks = []
                for digest in wanted:
                    start, stop = where[digest]
                    stream.seek(start)
                    chunks.append(stream.read(stop - start))
                x, y, z = (float(value or 0) for value in manifest.positions[number // header.planes][4:7])
                yield Plane(key, channel, x, y, z, tuple(chunks))

    return _Source(header, planes(), expected)


def _by_tables(source: Path) -> _Source:
    """Without a manifest: what HDF5 can still find and the file's own checksums confirm."""
    file = SlideFile(source)
    channels = range(file.header.planes)
    expected = tuple((field.key, w) for field in file.fields for w in channels)

    def planes() -> Iterator[Plane]:
        with file:
            for field in file.fields:
                for channel in channels:
                    if chunks := _confirmed(file, field.index, channel):
                        yield Plane(field.key, channel, field.x_um, field.y_um, field.z_um, chunks)

    return _Source(file.header, planes(), expected)


def _confirmed(file: SlideFile, index: int, channel: int) -> tuple[bytes, ...]:
    table = file.checksums(1)
    rows, columns = file.header.chunk_counts
    chunks = []
    for row in range(rows):
        for column in range(columns):
            place = (index, channel, row, column)
            try:
                chunk = file.stored(1, place)
            except Damaged:
                return ()
            if hashlib.sha256(chunk).digest() != bytes(table[place][:SHA256_BYTES]):
                return ()
            chunks.append(chunk)
    return tuple(chunks)
