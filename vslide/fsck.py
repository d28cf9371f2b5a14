"""Check a whole store: every slide, every journal, and what crashes left behind."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vslide.errors import SlideError
from vslide.journal import Journal, recover, segments
from vslide.manifest import manifest_path
from vslide.verify import verify_slide

_DRAFT = re.compile(r"\..*\.part\b|seg-\d+\.draft-|\.(run|result)\.json\.")
"""Of a slide and its manifest, of a segment, of an order or a result."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a path. `fault` is False for what a repair has put right or may stay."""

    path: Path
    text: str
    fault: bool = True


def fsck(root: Path, *, repair: bool = False) -> Iterator[Finding]:
    """Findings below `root`, which may also be one slide or one journal directory.

    With `repair`, torn tails of journals are cut and drafts of dead processes removed; nothing that holds a
    good plane is touched. Run it while no writer is at work there.
    """
    for path in sorted([root, *root.rglob("*")] if root.is_dir() else [root]):
        if path.is_dir():
            if segments(path):
                yield from _journal(path, repair)
        elif _DRAFT.match(path.name):
            yield _left_over(path, repair)
        elif path.suffix == ".h5":
            yield from _slide(path)
        elif path.name.endswith(".manifest.json") and not _slide_of(path).exists():
            yield Finding(path, "a manifest without its slide")


def _slide_of(manifest: Path) -> Path:
    return manifest.with_name(manifest.name.removesuffix(".manifest.json") + ".h5")


def _slide(path: Path) -> Iterator[Finding]:
    faults = verify_slide(path)
    yield from (Finding(path, fault) for fault in faults)
    if not faults:
        yield Finding(path, f"sound, {manifest_path(path).name} agrees", fault=False)


def _left_over(path: Path, repair: bool) -> Finding:
    if repair:
        path.unlink()
        return Finding(path, "draft of a dead process, removed", fault=False)
    return Finding(path, "draft of a dead process")


def _journal(path: Path, repair: bool) -> Iterator[Finding]:
    try:
        found = recover(path)
    except SlideError as error:
        yield Finding(path, str(error))
        return
    yield Finding(path, f"journal with {len(found.planes)} of {found.planned} planes", fault=False)
    yield from (
        Finding(path, f"{name}: bytes {start} to {stop} hold no good record")
        for name, start, stop in found.damaged
    )
    yield from (
        Finding(path, f"two different pictures for {key}, channel {channel}")
        for key, channel in found.conflicts
    )
    if found.cut_bytes and repair:
        Journal.resume(path).close()
        yield Finding(path, f"torn tail of {found.cut_bytes} bytes, cut", fault=False)
    elif found.cut_bytes:
        yield Finding(path, f"torn tail of {found.cut_bytes} bytes")
