"""The slide's journal: the proxy between camera and virtual slide, on disk.

A run has one directory with one append-only segment per fence:

    run-<id>/seg-0000000001-<length>.sealed      a fence that was taken over; later bytes do not count
    run-<id>/seg-0000000002.journal              the fence that may write

Each segment opens with a record of the slide's header. A plane counts once `commit()` returned: only then may
it be acknowledged. Segments are made with O_EXCL, so two writers never share one. One process writes a
journal and one thread at a time uses a Journal object; any number of processes may read it meanwhile.
"""

import contextlib
import errno
import hashlib
import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from vslide.disk import DISK, Disk
from vslide.errors import Conflict, InvalidHeader, JournalFailed, NoSpace, StaleFence
from vslide.model import FieldKey, Plane, SlideHeader, header_as_dict
from vslide.record import OPENING, PLANE, Record, pack
from vslide.recovery import (
    PlaneKey,
    Recovered,
    Segment,
    read_plane,
    read_segment,
    recover,
    segments,
    stored_chunks,
)

__all__ = [
    "Journal",
    "PlaneKey",
    "Recovered",
    "Segment",
    "read_plane",
    "recover",
    "seal",
    "segments",
    "stored_chunks",
]

_MOST_ROWS = 1 << 31  # what a record has room for
_FULL = (errno.ENOSPC, errno.EDQUOT)


def seal(directory: Path, below: int, disk: Disk = DISK) -> None:
    """Close every segment whose fence is lower than `below`: its good length goes into its name.

    Whatever a late writer of that fence still appends lies behind the length and never counts.
    """
    for segment in segments(directory):
        if segment.sealed_bytes is None and segment.fence < below:
            records, _ = read_segment(segment)
            length = records[-1].end if records else 0
            disk.sync_file(segment.path)
            disk.rename(segment.path, directory / f"seg-{segment.fence:010d}-{length}.sealed")
    disk.sync_directory(directory)


def _opening_payload(header: SlideHeader, planned: int) -> bytes:
    return json.dumps({"header": header_as_dict(header), "planned": planned}, sort_keys=True).encode()


class Journal:
    """The writing end of a run's journal. Make one with `Journal.create` or `Journal.resume`; close it after
    use.
    """

    def __init__(
        self,
        segment: Segment,
        header: SlideHeader,
        planned: int,
        planes: dict[PlaneKey, Record],
        conflicts: tuple[PlaneKey, ...] = (),
        disk: Disk = DISK,
    ) -> None:
        self._disk = disk
        self.directory = segment.path.parent
        self.path = segment.path
        self.fence = segment.fence
        self.header = header
        self.planned = planned
        self._planes = planes
        self._conflicts = conflicts
        self._durable = set(planes)
        self._pending: list[PlaneKey] = []
        self._broken = False
        self._handle = disk.open(segment.path)
        self._end = self._synced = os.lseek(self._handle, 0, os.SEEK_END)

    @classmethod
    def create(
        cls,
        directory: Path,
        header: SlideHeader,
        run_id: str,
        fence: int,
        planned: int,
        disk: Disk = DISK,
    ) -> Self:
        """Start a segment for `fence` in the run's own directory, sealing every lower one.

        `planned` is the number of colour planes (fields x channels) that the scan will bring. Raises
        StaleFence when the same or a higher fence has been here, InvalidHeader when `run_id` or an earlier
        header differ.
        """
        if header.run_id != run_id:
            raise InvalidHeader("the header belongs to another run")
        with _disk_errors():
            disk.make_directory(directory)
            disk.sync_directory(directory.parent)
        if any(segment.fence >= fence for segment in segments(directory)):
            raise StaleFence(f"fence {fence} is not higher than those before it")
        with _disk_errors():
            seal(directory, fence, disk)
        planes: dict[PlaneKey, Record] = {}
        conflicts: tuple[PlaneKey, ...] = ()
        if segments(directory):
            earlier = recover(directory)
            if earlier.header != header:
                raise InvalidHeader("the run was opened with a different header before")
            planes, conflicts = earlier.planes, earlier.conflicts
        segment = Segment(directory / f"seg-{fence:010d}.journal", fence, None)
        with _disk_errors():
            _create_segment(segment, header, planned, disk)
            return cls(segment, header, planned, planes, conflicts, disk)

    @classmethod
    def resume(cls, directory: Path, disk: Disk = DISK) -> Self:
        """Go on with the newest segment after a crash: cut its torn tail and append behind it.

        Raises NotASlide when there is no journal, StaleFence when the newest segment is sealed.
        """
        found = recover(directory)
        segment = segments(directory)[-1]
        if segment.sealed_bytes is not None:
            raise StaleFence(f"fence {segment.fence} is sealed")
        with _disk_errors():
            journal = cls(segment, found.header, found.planned, found.planes, found.conflicts, disk)
            try:
                journal._cut(journal._end - found.cut_bytes)
                disk.sync_directory(directory)  # its maker may have been killed before it
            except OSError:
                journal.close()
                raise
        return journal

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def append(self, plane: Plane, sequence: int) -> bool:
        """Write one plane; False when it is already here. It counts, and may be acknowledged, after
        `commit()`.

        Raises Conflict when the same place holds other pixels, NoSpace when the disk is full (what was
        committed stays), JournalFailed when the disk fails or has failed before.
        """
        if self._broken:
            raise JournalFailed("the journal failed before: open a new fence")
        self._check_plane(plane)
        where = (plane.key, plane.channel)
        head, digests = pack(PLANE, self.header.run_id, self.fence, sequence, plane)
        if known := self._planes.get(where):
            if known.digests != digests:
                raise Conflict(f"two different pictures for {plane.key}, channel {plane.channel}")
            return False
        lengths = tuple(len(chunk) for chunk in plane.chunks)
        record = Record(
            self.path, self._end, PLANE, self.header.run_id, self.fence, sequence, plane.key, plane.channel,
            plane.x_um, plane.y_um, plane.z_um, lengths, hashlib.sha256(digests).digest(), digests,
        )  # fmt: skip
        self._write((head, *plane.chunks))
        self._planes[where] = record
        self._pending.append(where)
        return True

    def commit(self) -> list[Record]:
        """Make every appended plane durable (one fdatasync for the group); returns what has become so.

        Raises NoSpace or JournalFailed.
        """
        if self._broken:
            raise JournalFailed("the journal failed before: open a new fence")
        try:
            self._disk.sync_data(self._handle)
        except OSError as error:
            # The kernel takes pages that it could not write for clean: they are still to be read, the next
            # sync succeeds, and they are on no medium. So nobody may find them here.
            self._broken = True
            with contextlib.suppress(OSError):
                if self.path.exists():  # a sealed segment belongs to whoever sealed it
                    self._disk.truncate(self._handle, self._synced)
            raise _disk_error(error) from error
        self._synced = self._end
        records = [self._planes[where] for where in self._pending]
        self._durable.update(self._pending)
        self._pending.clear()
        return records

    def recovered(self) -> Recovered:
        """What is durable here, as `recover` would find it."""
        planes = {where: self._planes[where] for where in self._planes if where in self._durable}
        fences = tuple(segment.fence for segment in segments(self.directory))
        return Recovered(self.header, self.planned, planes, fences, 0, (), self._conflicts)

    def durable(self) -> set[PlaneKey]:
        """The planes that are safely on disk."""
        return set(self._durable)

    def close(self) -> None:
        if self._handle >= 0:
            self._disk.close(self._handle)
            self._handle = -1

    def _check_plane(self, plane: Plane) -> None:
        rows, columns = self.header.chunk_counts
        if not 0 <= plane.channel < self.header.planes or len(plane.chunks) != rows * columns:
            raise InvalidHeader(
                f"a plane of channel {plane.channel} with {len(plane.chunks)} chunks does not fit"
            )
        if not all(map(math.isfinite, (plane.x_um, plane.y_um, plane.z_um))):
            raise InvalidHeader(f"the stage position of {plane.key} is not a finite number")
        key = plane.key
        if not (
            0 <= key.z < self.header.layers
            and 0 <= key.t < self.header.times
            and 0 <= min(key.r, key.c) <= max(key.r, key.c) < _MOST_ROWS
        ):
            raise InvalidHeader(f"{key} lies outside the planned slide")

    def _write(self, buffers: Sequence[bytes]) -> None:
        try:
            self._end = self._disk.write(self._handle, buffers, self._end)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._disk.truncate(self._handle, self._end)
            raise _disk_error(error) from error

    def _cut(self, end: int) -> None:
        self._disk.truncate(self._handle, end)
        self._disk.sync(self._handle)
        self._end = self._synced = end


def _disk_error(error: OSError) -> JournalFailed:
    kind = NoSpace if error.errno in _FULL else JournalFailed
    return kind(f"the journal could not be written: {os.strerror(error.errno or 0)}")


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _disk_error(error) from error


def _create_segment(segment: Segment, header: SlideHeader, planned: int, disk: Disk) -> None:
    payload = _opening_payload(header, planned)
    opening = Plane(FieldKey(0, 0), 0, 0.0, 0.0, 0.0, (payload,))
    head, _ = pack(OPENING, header.run_id, segment.fence, 0, opening)
    # The record is complete before the name exists, so a crash here leaves no segment without its opening.
    draft = segment.path.with_suffix(f".draft-{os.getpid()}")
    disk.unlink(draft)
    try:
        disk.write_file(draft, head + payload)
        disk.link(draft, segment.path)
    except FileExistsError as error:
        raise StaleFence(f"fence {segment.fence} has been taken") from error
    finally:
        disk.unlink(draft)
    disk.sync_directory(segment.path.parent)
