"""A release as a folder: what it holds, hashed; BagIt 1.0 around it; and whether it is still so. Pure.

release/
├── bagit.txt  bag-info.txt  manifest-sha256.txt  tagmanifest-sha256.txt   BagIt
├── manifest.json  statistics.json  README.md  LICENSE.txt                 for people and programs
└── data/…                                                                 the corpus, by its naming template
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

MANIFEST: Final = "manifest.json"
BAG_MANIFEST: Final = "manifest-sha256.txt"
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
DATA: Final = "data"
BAG_TAGS: Final = ("bagit.txt", "bag-info.txt", BAG_MANIFEST)
WITHDRAWN: Final = "withdrawn"
"""Of a row: the month in which its file was taken out. The row stays, as the file's tombstone."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a release; `path` is inside the release, with forward slashes."""

    path: str
    sha256: str
    bytes: int
    kind: str
    about: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        row = asdict(self)
        about = row.pop("about")
        return {**row, **about}


@dataclass(frozen=True, slots=True)
class Wrong:
    """One way in which a folder is not what its manifest says."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def entry(root: Path, path: str, kind: str, **about: Any) -> Entry:
    file = root / path
    return Entry(path, sha256_of(file), file.stat().st_size, kind, about)


def write_text(path: Path, text: str) -> None:
    """Whole or not at all."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def close(root: Path, entries: Iterable[Entry], head: Mapping[str, Any]) -> str:
    """Write the manifests of a finished folder; the sha256 of manifest.json, by which the whole release is
    known.
    """
    listed = sorted(entries, key=lambda item: item.path)
    payload = [item for item in listed if item.path.startswith(f"{DATA}/") and WITHDRAWN not in item.about]
    octets = sum(item.bytes for item in payload)
    write_text(root / "bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    write_text(root / "bag-info.txt", f"Payload-Oxum: {octets}.{len(payload)}\n")
    write_text(root / BAG_MANIFEST, "".join(f"{item.sha256}  {_bag_path(item.path)}\n" for item in payload))
    tags = [entry(root, name, "tag") for name in BAG_TAGS]
    everything = sorted([*listed, *tags], key=lambda item: item.path)
    write_json(root / MANIFEST, {**head, "files": [item.as_json() for item in everything]})
    digest = sha256_of(root / MANIFEST)
    write_text(root / TAG_MANIFEST, _tag_manifest(((one.sha256, one.path) for one in everything), digest))
    return digest


def _tag_manifest(files: Iterable[tuple[str, str]], manifest_sha256: str) -> str:
    """Hashes of everything beside data/, the manifest's own among them."""
    named = [(sha, path) for sha, path in files if not path.startswith(f"{DATA}/")]
    named.append((manifest_sha256, MANIFEST))
    return "".join(f"{sha}  {_bag_path(path)}\n" for sha, path in sorted(named))


def revise(root: Path, gone: Mapping[str, str]) -> tuple[str, int]:
    """Remove files and leave a tombstone for each: {path: month}. The manifest's new sha256 and the number of
    the revision. Safe to repeat: what is buried already makes no new one.
    """
    head = json.loads((root / MANIFEST).read_bytes())
    rows = head.pop("files")
    revision = int(head.get("revision", 1))
    fresh = [row for row in rows if row["path"] in gone and WITHDRAWN not in row]
    for row in rows:
        if row["path"] in gone:
            (root / row["path"]).unlink(missing_ok=True)
    if not fresh:
        return sha256_of(root / MANIFEST), revision
    marked = [row | {WITHDRAWN: gone[row["path"]]} if row in fresh else row for row in rows]
    entries = [_read_back(row) for row in marked if row["path"] not in BAG_TAGS]
    return close(root, entries, {**head, "revision": revision + 1}), revision + 1


def _read_back(row: Mapping[str, Any]) -> Entry:
    own = ("path", "sha256", "bytes", "kind")
    about = {key: value for key, value in row.items() if key not in own}
    return Entry(row["path"], row["sha256"], row["bytes"], row["kind"], about)


def rows_of(root: Path) -> list[dict[str, Any]]:
    """What the manifest of a release lists."""
    files: list[dict[str, Any]] = json.loads((root / MANIFEST).read_bytes())["files"]
    return files


def _bag_path(path: str) -> str:
    return path.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")


def verify(root: Path, manifest_sha256: str | None = None) -> list[Wrong]:
    """Everything in which a release is not what its manifest says: changed, missing, added, or not a plain
    file.
    """
    manifest = root / MANIFEST
    if not manifest.is_file() or manifest.is_symlink():
        return [Wrong(MANIFEST, "is missing")]
    if manifest_sha256 is not None and sha256_of(manifest) != manifest_sha256:
        return [Wrong(MANIFEST, "is not the one that was published")]
    try:
        rows = {str(row["path"]): row for row in json.loads(manifest.read_bytes())["files"]}
    except (ValueError, KeyError, TypeError) as error:
        return [Wrong(MANIFEST, f"cannot be read: {error}")]
    found = set(_files(root))
    tombs = {path for path, row in rows.items() if WITHDRAWN in row}
    wrong = [Wrong(path, "is missing") for path in sorted(rows.keys() - found - tombs)]
    wrong += [Wrong(path, "was withdrawn and is still there") for path in sorted(tombs & found)]
    wrong += [
        Wrong(path, "is not in the manifest")
        for path in sorted(found - rows.keys() - {MANIFEST, TAG_MANIFEST})
    ]
    wrong += [
        Wrong(path, what)
        for path in sorted((rows.keys() & found) - tombs)
        if (what := _compare(root / path, rows[path]))
    ]
    return wrong + _wrong_tags(root, rows)


def _wrong_tags(root: Path, rows: Mapping[str, Mapping[str, Any]]) -> list[Wrong]:
    """The last list follows from the manifest alone, and no row of that can speak for it."""
    file = root / TAG_MANIFEST
    if not file.is_file() or file.is_symlink():
        return [Wrong(TAG_MANIFEST, "is missing")]
    files = ((str(row.get("sha256")), path) for path, row in rows.items())
    whole = _tag_manifest(files, sha256_of(root / MANIFEST)).encode()
    return [] if file.read_bytes() == whole else [Wrong(TAG_MANIFEST, "has other content than follows")]


def _files(root: Path) -> Iterator[str]:
    for folder, _, names in os.walk(root):
        for name in names:
            yield (Path(folder) / name).relative_to(root).as_posix()


def _compare(file: Path, row: Mapping[str, Any]) -> str:
    if file.is_symlink() or not file.is_file():
        return "is not a plain file"
    if file.stat().st_size != row.get("bytes"):
        return f"has {file.stat().st_size} bytes, not {row.get('bytes')}"
    return "" if sha256_of(file) == row.get("sha256") else "has other content (sha256)"
