"""From the journal to a published virtual slide.

The journal's compressed bytes become the HDF5 chunks unchanged. The file is written under a hidden name,
synced, examined by a separate limited process, and only then linked to its final name, which is never
overwritten. Every step may be killed and repeated.
"""

import contextlib
import errno
import itertools
import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import hdf5plugin
import numcodecs

from vslide.assemble import Assembly
from vslide.errors import AlreadyThere, Conflict, Damaged, NoSpace, SlideError, VerifyFailed
from vslide.journal import Recovered, read_plane, recover, sync_directory
from vslide.manifest import Manifest, file_sha256, manifest_path, read_manifest, write_manifest
from vslide.model import FieldKey, PlaneId, header_as_dict

VERIFY_MEMORY_MIB = 4096
_VERIFY_SECONDS = 120
_VERIFY_TRIES = 3
_VERIFY_BYTES_PER_S = 20_000_000
_THREADS = 2


def slide_path(destination: Path, slide_id: str, run_id: str) -> Path:
    """The final name of a slide below `destination`."""
    return destination / slide_id / f"{run_id}.h5"


def build(journal_dir: Path, destination: Path) -> Manifest:
    """Build, verify and publish `<destination>/<slide_id>/<run_id>.h5` with its manifest; returns the
    manifest.

    Safe to repeat: a slide that was published from the same journal is verified again and returned. Raises
    Damaged with `missing` when planes are not there, Conflict, AlreadyThere, NoSpace, VerifyFailed.
    """
    return build_recovered(recover(journal_dir), destination)


def build_recovered(found: Recovered, destination: Path) -> Manifest:
    """As `build`, from a journal that was read already."""
    keys = check_complete(found)
    final = slide_path(destination, found.header.slide_id, found.header.run_id)
    final.parent.mkdir(parents=True, exist_ok=True)
    sync_directory(destination)
    if final.exists():
        return _published(final, found)
    _remove_drafts(final)
    draft = final.with_name(f".{final.stem}.{os.getpid()}.part.h5")
    try:
        with _disk_errors():
            manifest = _write_draft(found, keys, draft, final)
        verify_separately(draft, manifest_path(draft), manifest.bytes)
        _publish(draft, final, manifest)
    finally:
        draft.unlink(missing_ok=True)
        manifest_path(draft).unlink(missing_ok=True)
    return manifest


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC or "No space left" in str(error):
            raise NoSpace("the disk is full: the journal is kept, the slide can be built later") from error
        raise


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
    channels = range(len(header.channels))
    grid = (header.times, header.rows, header.columns, header.layers)
    expected: Iterable[FieldKey] = keys
    if found.planned == math.prod(grid) * len(channels):
        expected = (FieldKey(r, c, z, t) for t, r, c, z in itertools.product(*map(range, grid)))
    return [(k.r, k.c, k.z, k.t, w) for k in expected for w in channels if (k, w) not in found.planes]


def _write_draft(found: Recovered, keys: list[FieldKey], draft: Path, final: Path) -> Manifest:
    channels = range(len(found.header.channels))
    with Assembly(draft, found.header, keys, found.planes) as assembly, ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, len(keys), assembly.group):
            records = [found.planes[key, w] for key in keys[start : start + assembly.group] for w in channels]
            for record, prepared in zip(
                records, pool.map(lambda r: assembly.prepare(read_plane(r)), records), strict=True
            ):
                assembly.add(record, prepared)
            assembly.end_group(start)
        assembly.finish()
        chunks = assembly.chunk_digests()
    _sync(draft)
    manifest = Manifest(
        path=final,
        slide_id=found.header.slide_id,
        run_id=found.header.run_id,
        bytes=draft.stat().st_size,
        sha256=file_sha256(draft),
        planned=found.planned,
        planes=len(found.planes),
        fields=len(keys),
        fences=found.fences,
        versions=_versions(),
        header=header_as_dict(found.header),
        positions=tuple(_position(found, key) for key in keys),
        chunks=chunks,
    )
    write_manifest(manifest, manifest_path(draft))
    return manifest


def _position(found: Recovered, key: FieldKey) -> tuple[float, ...]:
    record = found.planes[key, 0]
    return key.r, key.c, key.z, key.t, record.x_um, record.y_um, record.z_um


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "h5py": h5py.version.version,
        "hdf5": h5py.version.hdf5_version,
        "hdf5plugin": hdf5plugin.version,
        "numcodecs": numcodecs.__version__,
    }


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def verify_separately(slide: Path, manifest: Path, size: int) -> None:
    """Examine a slide in another process with limited memory and time. Raises VerifyFailed with its
    faults.
    """
    command = [sys.executable, "-m", "vslide", "verify", str(slide), "--manifest", str(manifest), "--json"]
    command += ["--memory-mib", str(VERIFY_MEMORY_MIB)]
    package_root = str(Path(__file__).resolve().parent.parent)
    search = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": search, "OPENBLAS_NUM_THREADS": "1"}
    limit = _VERIFY_SECONDS + size / _VERIFY_BYTES_PER_S
    for _ in range(_VERIFY_TRIES):
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=limit, env=environment, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise VerifyFailed(f"the check of the finished file took longer than {limit:.0f} s") from error
        if done.returncode == 0:
            return
        if done.returncode > 0:  # it has judged; one that was killed from outside has not
            break
    try:
        faults = json.loads(done.stdout)["faults"]
    except (ValueError, KeyError):
        faults = [f"the checking process ended with {done.returncode}: {done.stderr.strip()[-500:]}"]
    raise VerifyFailed(
        f"the finished file failed its check: {faults[0] if faults else 'no reason given'}", faults
    )


def _publish(draft: Path, final: Path, manifest: Manifest) -> None:
    manifest_path(draft).replace(manifest_path(final))
    try:
        os.link(draft, final)
    except FileExistsError as error:
        raise AlreadyThere(f"{final.name} was published meanwhile") from error
    sync_directory(final.parent)


def _remove_drafts(final: Path) -> None:
    for left_over in final.parent.glob(f".{final.stem}.*"):
        left_over.unlink(missing_ok=True)


def _published(final: Path, found: Recovered) -> Manifest:
    try:
        manifest = read_manifest(manifest_path(final))
    except (OSError, SlideError) as error:
        raise AlreadyThere(f"{final.name} is there with no readable manifest") from error
    if (manifest.run_id, manifest.planes) != (found.header.run_id, len(found.planes)):
        raise AlreadyThere(f"{final.name} is there and was built from something else")
    verify_separately(final, manifest_path(final), manifest.bytes)
    return manifest
