"""Reading a slide's journal: which segments there are, and what of them is good. Changes nothing on disk."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vslide.errors import Damaged, NotASlide
from vslide.model import FieldKey, Plane, SlideHeader, header_from_dict
from vslide.record import OPENING, Record, read_chunks, read_payload, scan

PlaneKey = tuple[FieldKey, int]
Opening = tuple[SlideHeader, int]
"""What a segment opens with: the slide's header, and the number of planes that were planned."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of a journal. `sealed_bytes` is None while its fence may still write."""

    path: Path
    fence: int
    sealed_bytes: int | None


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a journal holds.

    `planned` and `planes` count colour planes. `cut_bytes` is the torn tail behind the last good record of
    the newest segment; `damaged` names (file, start, stop) of bytes in between that hold no good record;
    `conflicts` are keys that two records claim with different pixels.
    """

    header: SlideHeader
    planned: int
    planes: dict[PlaneKey, Record]
    fences: tuple[int, ...]
    cut_bytes: int
    damaged: tuple[tuple[str, int, int], ...]
    conflicts: tuple[PlaneKey, ...]

    def __iter__(self) -> Iterator[Plane]:
        """The planes in the order of their acquisition, each checked against its sha256 while it is read."""
        return map(read_plane, self.planes.values())


def stored_chunks(record: Record) -> tuple[bytes, ...]:
    """The chunks of one record as they lie on disk, for one who compares them with its digests. Raises
    Truncated.
    """
    with record.path.open("rb", buffering=0) as stream:
        return read_chunks(stream, record)


def read_plane(record: Record) -> Plane:
    """The plane of one record, checked. Raises Truncated or Damaged."""
    with record.path.open("rb", buffering=0) as stream:
        chunks, _ = read_payload(stream, record)
    return Plane(record.key, record.channel, record.x_um, record.y_um, record.z_um, chunks)


def segments(directory: Path) -> list[Segment]:
    """The segments of a run in the order of their fences; an empty list where there is no journal."""
    found = []
    for path in directory.glob("seg-*"):
        parts = path.stem.split("-")
        if path.suffix == ".sealed" and len(parts) == 3:
            found.append(Segment(path, int(parts[1]), int(parts[2])))
        elif path.suffix == ".journal" and len(parts) == 2:
            found.append(Segment(path, int(parts[1]), None))
    return sorted(found, key=lambda segment: segment.fence)


def recover(directory: Path, opening: Opening | None = None) -> Recovered:
    """Read every segment of `directory`, check each record, and say what is there. Changes nothing on disk.

    Each segment opens with the same header, and one that reads is enough for all; `opening` stands in when
    none does. Raises NotASlide when there is neither.
    """
    known = segments(directory)
    planes: dict[PlaneKey, Record] = {}
    conflicts: list[PlaneKey] = []
    damaged: list[tuple[str, int, int]] = []
    cut_bytes = 0
    contents = [read_segment(segment) for segment in known]
    for record in (record for records, _ in contents for record in records if record.kind == OPENING):
        opening = read_opening(record)
    if opening is None or not known:
        raise NotASlide(f"{directory.name}: no journal with a readable opening record")
    for segment, (records, gaps) in zip(known, contents, strict=True):
        for record in records:
            if record.kind == OPENING:
                continue
            if record.run_id != opening[0].run_id:
                damaged.append((segment.path.name, record.offset, record.end))
            elif planes.setdefault((record.key, record.channel), record).sha256 != record.sha256:
                conflicts.append((record.key, record.channel))
        if segment is known[-1] and gaps and gaps[-1][1] == segment.path.stat().st_size:
            start, stop = gaps.pop()
            cut_bytes = stop - start
        damaged += [(segment.path.name, start, stop) for start, stop in gaps]
    fences = tuple(segment.fence for segment in known)
    return Recovered(*opening, planes, fences, cut_bytes, tuple(damaged), tuple(conflicts))


def read_segment(segment: Segment) -> tuple[list[Record], list[tuple[int, int]]]:
    """(good records, (start, stop) of bytes that hold none) of one segment."""
    records: list[Record] = []
    gaps: list[tuple[int, int]] = []
    for found in scan(segment.path, segment.sealed_bytes):
        if isinstance(found, Record):
            records.append(found)
        else:
            gaps.append(found)
    size = segment.path.stat().st_size
    if segment.sealed_bytes is not None and size < segment.sealed_bytes:
        gaps.append((size, segment.sealed_bytes))
    return records, gaps


def read_opening(record: Record) -> Opening:
    """(header, planned number of planes) of an opening record. Raises SlideError when it does not read."""
    with record.path.open("rb") as stream:
        payload = b"".join(read_payload(stream, record)[0])
    try:
        values = json.loads(payload)
        return header_from_dict(values["header"]), int(values["planned"])
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{record.path.name}: the opening record does not read: {error}") from error
