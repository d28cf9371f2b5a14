"""From the journal to a published virtual slide.

The journal's compressed bytes become the HDF5 chunks unchanged. The file is written under a hidden name,
during the scan or after it, then synced, examined by a separate limited process, and only then linked to its
final name, which is never overwritten. Every step may be killed and repeated.
"""

import contextlib
import errno
import itertools
import math
import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py
import hdf5plugin
import numcodecs

from vslide.assemble import Assembly, Corners, field_of
from vslide.checker import Checker, ForkedChecker
from vslide.disk import DISK, Disk
from vslide.errors import AlreadyThere, Conflict, Damaged, DiskFailed, NoSpace, SlideError
from vslide.journal import Recovered, recover
from vslide.layout import SHA256_BYTES
from vslide.manifest import Manifest, field_position, manifest_path, read_manifest, write_manifest
from vslide.model import FieldKey, PlaneId, SlideHeader, header_as_dict
from vslide.record import Record

_FLUSH_BYTES = 128 << 20


def slide_path(destination: Path, slide_id: str, run_id: str) -> Path:
    """The final name of a slide below `destination`."""
    return destination / slide_id / f"{run_id}.h5"


def build(
    journal_dir: Path, destination: Path, registered: Corners | None = None, disk: Disk = DISK
) -> Manifest:
    """Build, verify and publish `<destination>/<slide_id>/<run_id>.h5` with its manifest; returns the
    manifest.

    `registered` gives the true corners (x, y in µm) of fields, as `vslide.register` finds them. Safe to
    repeat: a slide that was published from the same journal is verified again and returned. Raises Damaged
    with `missing` when planes are not there, Conflict, AlreadyThere, NoSpace, DiskFailed, VerifyFailed.
    """
    return build_recovered(recover(journal_dir), destination, registered, disk)


def build_recovered(
    found: Recovered, destination: Path, registered: Corners | None = None, disk: Disk = DISK
) -> Manifest:
    """As `build`, from a journal that was read already."""
    keys = check_complete(found)
    if published := find_published(found, destination, disk):
        return published
    with Checker() as checker, Draft(found.header, len(keys), destination, disk) as draft:
        draft.follow(found.planes.values())
        draft.finish(registered)
        return publish(found, draft.path, checker, registered, disk)


def find_published(found: Recovered, destination: Path, disk: Disk = DISK) -> Manifest | None:
    """The manifest of the slide that an earlier build made of this journal, verified again; None when there
    is none. Raises AlreadyThere when something else has its name.
    """
    final = slide_path(destination, found.header.slide_id, found.header.run_id)
    if not final.exists():
        return None
    try:
        manifest = read_manifest(manifest_path(final))
    except (OSError, SlideError) as error:
        raise AlreadyThere(f"{final.name} is there with no readable manifest") from error
    if (manifest.run_id, manifest.planes) != (found.header.run_id, len(found.planes)):
        raise AlreadyThere(f"{final.name} is there and was built from something else")
    with Checker() as checker:
        checker.check(final, manifest_path(final), manifest.bytes)
    with _disk_errors():
        disk.sync_directory(final.parent)  # the earlier build may have been killed before it
    return manifest


def remove_drafts(final: Path, disk: Disk = DISK) -> None:
    """What builders of the slide `final` have left, when none of them is alive any more. Raises OSError."""
    for left_over in final.parent.glob(f".{final.stem}.*"):
        disk.unlink(left_over)


class Draft:
    """A slide's file that is not published: it follows a journal, and is verified and published at the end.

    Closing it (through the context manager) removes what was not published. One thread at a time.
    """

    def __init__(self, header: SlideHeader, count: int, destination: Path, disk: Disk = DISK) -> None:
        self.final = slide_path(destination, header.slide_id, header.run_id)
        self.path = self.final.with_name(f".{self.final.stem}.{os.getpid()}.part.h5")
        self._disk = disk
        self._flushed = 0
        with _disk_errors():
            disk.make_directory(self.final.parent)
            disk.sync_directory(destination)
            remove_drafts(self.final, disk)
            self._assembly = Assembly(disk.hdf5_target(self.path), header, count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError, RuntimeError):  # what HDF5 could not write goes anyway
            self._assembly.close()
        for path in (self.path, manifest_path(self.path)):
            with contextlib.suppress(OSError):
                self._disk.unlink(path)

    @property
    def keys(self) -> list[FieldKey]:
        """The fields that the file holds so far."""
        return self._assembly.keys

    def follow(self, records: Iterable[Record]) -> None:
        """Take these planes up. Raises Damaged, NoSpace."""
        with _disk_errors():
            for record in records:
                self._assembly.feed(record)
                self._flush_some(sum(record.lengths))

    def _flush_some(self, size: int) -> None:
        """Have the medium take the bytes while the scan goes on, not all at its end."""
        self._flushed += size
        if self._flushed >= _FLUSH_BYTES:
            self._flushed = 0
            self._assembly.run_aside(lambda: self._disk.sync_file(self.path))

    def finish(self, registered: Corners | None = None) -> None:
        """Write what remains, and have the medium take it. The file is ready to be published."""
        with _disk_errors():
            self._assembly.finish(registered)
            self._disk.sync_file(self.path)


def publish(
    found: Recovered,
    draft: Path,
    checker: Checker | ForkedChecker,
    registered: Corners | None = None,
    disk: Disk = DISK,
) -> Manifest:
    """Have the finished file `draft` checked, and give it its final name. Raises what `build` raises."""
    manifest = _describe(found, draft, registered or {})
    beside = manifest_path(draft)
    with _disk_errors():
        write_manifest(manifest, beside, disk)
    sha256 = checker.check(draft, beside, manifest.bytes, draft=True)
    manifest = replace(manifest, sha256=sha256)
    with _disk_errors():
        disk.unlink(beside)
        write_manifest(manifest, beside, disk)
        _link(manifest, draft, disk)
    return manifest


def _describe(found: Recovered, draft: Path, registered: Corners) -> Manifest:
    """What the file must be, by the journal alone: so the check does not rest on whoever wrote the file."""
    header, planes = found.header, range(found.header.planes)
    first: dict[FieldKey, Record] = {}
    for (key, _), record in found.planes.items():
        first.setdefault(key, record)
    fields = [field_of(n, record, registered) for n, record in enumerate(first.values())]
    digests = b"".join(found.planes[key, plane].digests for key in first for plane in planes)
    return Manifest(
        path=slide_path(draft.parent.parent, header.slide_id, header.run_id),
        slide_id=header.slide_id,
        run_id=header.run_id,
        bytes=draft.stat().st_size,
        sha256="",
        planned=found.planned,
        planes=len(found.planes),
        fields=len(fields),
        fences=found.fences,
        versions=_versions(),
        header=header_as_dict(header),
        positions=tuple(map(field_position, fields)),
        chunks=tuple(digests[at : at + SHA256_BYTES].hex() for at in range(0, len(digests), SHA256_BYTES)),
    )


def _link(manifest: Manifest, draft: Path, disk: Disk) -> None:
    disk.rename(manifest_path(draft), manifest_path(manifest.path))
    # After a power cut a slide without its manifest would keep its name from every later build.
    disk.sync_directory(manifest.path.parent)
    try:
        disk.link(draft, manifest.path)
    except FileExistsError as error:
        raise AlreadyThere(f"{manifest.path.name} was published meanwhile") from error
    disk.sync_directory(manifest.path.parent)


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    """HDF5 says RuntimeError when it cannot write while it closes, and has the system's words in its own."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if any(os.strerror(number) in str(error) for number in (errno.ENOSPC, errno.EDQUOT)):
            raise NoSpace("the disk is full: the journal is kept, the slide can be built later") from error
        number = error.errno if isinstance(error, OSError) else None
        reason = os.strerror(number) if number else type(error).__name__
        raise DiskFailed(f"the slide's file could not be written ({reason}), the journal is kept") from error


def check_complete(found: Recovered) -> list[FieldKey]:
    """The fields in acquisition order. Raises Conflict or Damaged (with `missing`) unless every plane is
    there.
    """
    if found.conflicts:
        raise Conflict(
            f"{len(found.conflicts)} planes have two different pictures, first {found.conflicts[0]}"
        )
    keys = list(dict.fromkeys(key for key, _ in found.planes))
    missing = _missing(found, keys)
    if missing or not keys or len(found.planes) < found.planned:
        shown = f"; missing (r, c, z, t, channel): {', '.join(map(str, missing[:5]))}" if missing else ""
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        there = f"{len(found.planes)} of {found.planned} planned planes are in the journal"
        raise Damaged(f"{there}{shown}{more}", missing)
    return keys


def _missing(found: Recovered, keys: list[FieldKey]) -> list[PlaneId]:
    """The planes that should be here: of every field of the grid when the whole grid was planned, else of
    those fields that arrived in part.
    """
    header = found.header
    channels = range(header.planes)
    grid = (header.times, header.rows, header.columns, header.layers)
    expected: Iterable[FieldKey] = keys
    if found.planned == math.prod(grid) * len(channels):
        expected = (FieldKey(r, c, z, t) for t, r, c, z in itertools.product(*map(range, grid)))
    return [(k.r, k.c, k.z, k.t, w) for k in expected for w in channels if (k, w) not in found.planes]


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "h5py": h5py.version.version,
        "hdf5": h5py.version.hdf5_version,
        "hdf5plugin": hdf5plugin.version,
        "numcodecs": numcodecs.__version__,
    }
