"""A published release, file by file, into a bucket; its manifest last, so that half a release is never
taken for one.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from core.errors import BadInput
from corpus import bag
from corpus.errors import NotReleasable, ReleaseStopped
from corpus.models import Release
from corpus.s3.bucket import Bucket

_PLACE: Final = re.compile(
    r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[\w.\-/]*))?", re.ASCII
)


def place_of(address: str) -> tuple[str, str]:
    """(bucket, prefix without slashes around) of s3://BUCKET/PREFIX. Raises BadInput."""
    found = _PLACE.fullmatch(address)
    prefix = (found["prefix"] or "").strip("/") if found else ""
    if not found or any(part in ("", ".", "..") for part in prefix.split("/") if prefix):
        raise BadInput("A bucket is named as s3://BUCKET/PREFIX.")
    return found["bucket"], prefix


def push_release(
    release: Release, bucket: Bucket, prefix: str, *, told: Callable[[int, int, bool], None] | None = None
) -> tuple[int, int]:
    """(created, already there) of its files. Safe to repeat: what is there with the same bytes is left.
    `told` hears of each file: how many are done, of how many, whether this one was created.

    Raises NotReleasable for what is not published, ReleaseStopped for a folder that is not as it was
    published, and what `Bucket.create` raises.
    """
    if release.state != Release.State.PUBLISHED:
        raise NotReleasable(f"{release} is not published: {release.get_state_display().lower()}.")
    files = _files(release.folder, release.manifest_sha256)
    created = 0
    for done, (path, sha256) in enumerate(files, 1):
        key = f"{prefix}/{path}" if prefix else path
        new = bucket.create(key, release.folder / path, sha256)
        created += new
        if told:
            told(done, len(files), new)
    return created, len(files) - created


def _files(root: Path, manifest_sha256: str) -> list[tuple[str, str]]:
    """(path, SHA-256) of every file, the manifest last. Those of the manifest as it says, so that a file that
    has changed is refused where it arrives.
    """
    manifest = root / bag.MANIFEST
    if not manifest.is_file() or bag.sha256_of(manifest) != manifest_sha256:
        raise ReleaseStopped("The manifest is not the one that was published: run verify_release.")
    rows = {row["path"]: row for row in json.loads(manifest.read_bytes())["files"]}
    found = []
    for file in sorted(file for file in root.rglob("*") if file.is_file() and file != manifest):
        path = file.relative_to(root).as_posix()
        known = rows.get(path)
        if known is None and path.startswith(f"{bag.DATA}/"):
            raise ReleaseStopped(f"{path} is in no manifest: run verify_release.")
        found.append((path, known["sha256"] if known else bag.sha256_of(file)))
    missing = [path for path, row in rows.items() if bag.WITHDRAWN not in row and not (root / path).is_file()]
    if missing:
        raise ReleaseStopped(f"{missing[0]} is gone: run verify_release.")
    return [*found, (bag.MANIFEST, manifest_sha256)]
