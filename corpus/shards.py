"""A release as tar shards for training, in the way of WebDataset: the files of a sample lie side by side and
share the name before their first dot. Patients are parted, never slides: nobody is in two splits.
"""

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final

from core.errors import BadInput, Conflict, Unavailable
from corpus import bag
from corpus.errors import NotReleasable, ReleaseStopped
from corpus.models import Release
from corpus.site import facts

SPLITS: Final = (("train", 0.8), ("val", 0.9), ("test", 1.0))
"""Each with the share of patients below which it ends."""
MOST_MB: Final = 100_000


def split_of(patient: str, seed: str) -> str:
    """Which split all slides of a patient key are in: by a hash, so that it does not depend on who else is
    there."""
    drawn = hashlib.sha256(f"{seed}\0{patient}".encode()).digest()
    share = int.from_bytes(drawn[:8], "big") / 2**64
    return next(name for name, end in SPLITS if share < end)


def write_shards(release: Release, to: Path, *, megabytes: int = 1000, seed: str = "nocturne") -> int:
    """Write the shards of a published release and their index to the new folder `to`; how many samples. The
    same release, size and seed give the same bytes. A shard ends with the sample that fills it.

    Raises NotReleasable for what is not published, BadInput for a place inside the release or a size that is
    none, Conflict where something is there, ReleaseStopped where a file is not as it was published, and
    Unavailable (retryable) when the disk refuses.
    """
    if release.state != Release.State.PUBLISHED:
        raise NotReleasable(f"{release} is not published: {release.get_state_display().lower()}.")
    if not 1 <= megabytes <= MOST_MB:
        raise BadInput(f"A shard has 1 to {MOST_MB} MB.")
    root, place = release.folder.resolve(), to.resolve()
    if place == root or root in place.parents or place in root.parents:
        raise BadInput("Shards stand beside their release, neither inside it nor around it.")
    if place.exists():
        raise Conflict("There is something in this place already.", place=place.name)
    known = facts.read(root, release.manifest_sha256)
    hidden = place.with_name(f".{place.name}.new")
    try:
        shutil.rmtree(hidden, ignore_errors=True)
        hidden.mkdir(parents=True)
        shards = _fill(hidden, root, known.slides, megabytes * 10**6, seed)
        bag.write_json(hidden / "index.json", _index(release, shards, seed))
        hidden.rename(place)
    except OSError as error:
        raise Unavailable(f"The shards could not be stored: {error.strerror or error}") from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return len(known.slides)


@dataclass
class Shard:
    """One tar file that is being filled."""

    name: str
    split: str
    file: Path
    samples: int = 0
    patients: set[str] = field(default_factory=set)


def _fill(folder: Path, root: Path, slides: Iterable[facts.Shown], most: int, seed: str) -> list[Shard]:
    by_split: dict[str, list[facts.Shown]] = {name: [] for name, _ in SPLITS}
    for slide in slides:
        by_split[split_of(slide.image["patient"], seed)].append(slide)
    return [
        shard for split, members in by_split.items() for shard in _shards(folder, root, split, members, most)
    ]


def _shards(folder: Path, root: Path, split: str, slides: list[facts.Shown], most: int) -> Iterator[Shard]:
    left = list(slides)
    number = 0
    while left:
        name = f"{split}-{number:06}.tar"
        shard = Shard(name, split, folder / name)
        with tarfile.open(shard.file, "w", format=tarfile.PAX_FORMAT) as tar:
            while left and (not shard.samples or tar.offset < most):
                slide = left.pop(0)
                _sample(tar, root, slide)
                shard.samples += 1
                shard.patients.add(slide.image["patient"])
        yield shard
        number += 1


def _sample(tar: tarfile.TarFile, root: Path, slide: facts.Shown) -> None:
    """Image, annotations, report and what is known of them, under one key."""
    key = f"{slide.image['patient']}_{slide.name}"
    for row in slide.files:
        _copy(tar, root, row, f"{key}{PurePosixPath(row['path']).suffix}")
    if slide.report:
        _add(tar, f"{key}.txt", slide.text.encode())
    about = {name: value for name, value in slide.image.items() if name != "kind"}
    told = json.dumps(about, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    _add(tar, f"{key}.json", told.encode())


def _copy(tar: tarfile.TarFile, root: Path, row: facts.Row, name: str) -> None:
    """Hashed while it is copied: what is not as it was published stops it."""
    with (root / row["path"]).open("rb") as file:
        read = _Hashed(file)
        tar.addfile(_entry(name, row["bytes"]), read)  # type: ignore[arg-type]  # it needs `read` only
        changed = read.digest.hexdigest() != row["sha256"] or file.read(1)
    if changed:
        raise ReleaseStopped(f"{row['path']} is not as it was published: run verify_release.")


class _Hashed:
    def __init__(self, file: BinaryIO) -> None:
        self.file, self.digest = file, hashlib.sha256()

    def read(self, size: int) -> bytes:
        part = self.file.read(size)
        self.digest.update(part)
        return part


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    tar.addfile(_entry(name, len(content)), io.BytesIO(content))


def _entry(name: str, size: int) -> tarfile.TarInfo:
    """Nothing of this machine: owner and time are 0."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = size, 0, 0o644
    return entry


def _index(release: Release, shards: list[Shard], seed: str) -> dict[str, Any]:
    rows = [
        {
            "name": shard.name,
            "split": shard.split,
            "samples": shard.samples,
            "patients": len(shard.patients),
            "bytes": shard.file.stat().st_size,
            "sha256": bag.sha256_of(shard.file),
        }
        for shard in shards
    ]
    return {
        "format": "nocturne-shards",
        "version": 1,
        "release": release.number,
        "revision": release.revision,
        "manifest_sha256": release.manifest_sha256,
        "seed": seed,
        "shards": rows,
    }
