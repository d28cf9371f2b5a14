"""In what two releases differ, file by file, from their manifests. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """Paths, sorted. `moved` are files that are the same under another name: (before, after)."""

    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    same: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "added": self.added,
            "removed": self.removed,
            "changed": self.changed,
            "moved": [list(pair) for pair in self.moved],
            "withdrawn": self.withdrawn,
            "same": self.same,
        }


def difference(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> Difference:
    """Of the rows under data/ of two manifests. A file that was withdrawn is in neither."""
    rows = list(before), list(after)
    gone = sorted({str(row["path"]) for side in rows for row in side if row.get("withdrawn")})
    old, new = (
        {str(row["path"]): str(row["sha256"]) for row in side if _counts(row) and row["path"] not in gone}
        for side in rows
    )
    names = {digest: path for path, digest in sorted(old.items(), reverse=True) if path not in new}
    moved = {
        path: names.pop(digest) for path, digest in sorted(new.items()) if path not in old and digest in names
    }
    return Difference(
        added=sorted(new.keys() - old.keys() - moved.keys()),
        removed=sorted(old.keys() - new.keys() - set(moved.values())),
        changed=sorted(path for path in old.keys() & new.keys() if old[path] != new[path]),
        moved=[(was, now) for now, was in sorted(moved.items())],
        withdrawn=gone,
        same=sum(old[path] == new[path] for path in old.keys() & new.keys()),
    )


def _counts(row: Mapping[str, Any]) -> bool:
    return str(row["path"]).startswith("data/")
