"""The manifest beside a slide: what the file must be, byte for byte, and where it came from."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vslide.disk import DISK, Disk
from vslide.errors import Damaged, Truncated
from vslide.model import Field


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that is needed to judge the file, and to find its pixels again should HDF5's own tables be
    lost.

    `header` is the slide's header as JSON values, `positions` holds (r, c, z, t, x_um, y_um, z_um,
    registered_x_um, registered_y_um) of each field (the last two None if unknown), `chunks` the sha256 of
    each stored camera chunk in the order (field, channel, row, column).
    """

    path: Path
    slide_id: str
    run_id: str
    bytes: int
    sha256: str
    planned: int
    planes: int
    fields: int
    fences: tuple[int, ...]
    versions: dict[str, str]
    header: dict[str, Any]
    positions: tuple[tuple[float | None, ...], ...]
    chunks: tuple[str, ...]


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def manifest_path(slide: Path) -> Path:
    """Where the manifest of a slide lies: `<name>.manifest.json` beside `<name>.h5`."""
    return slide.with_suffix(".manifest.json")


def _digest(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def field_position(field: Field) -> tuple[float | None, ...]:
    """A field's row of `positions`."""
    key = field.key
    stage = (field.x_um, field.y_um, field.z_um)
    return key.r, key.c, key.z, key.t, *stage, field.registered_x_um, field.registered_y_um


def _text(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, sort_keys=True, indent=1) + "\n").encode()


def write_manifest(manifest: Manifest, path: Path, disk: Disk = DISK) -> None:
    """Write and sync a new file; the text carries its own sha256."""
    values = json.loads(json.dumps(asdict(manifest) | {"path": manifest.path.name}))
    disk.write_file(path, _text(values | {"manifest_sha256": _digest(values)}))


def read_manifest(path: Path) -> Manifest:
    """Read and check a manifest; its `path` is the slide beside it. Raises Damaged or Truncated."""
    text = path.read_bytes()
    try:
        values = json.loads(text)
        unchanged = text == _text(values)  # not one byte differs from how it was written
        stated = values.pop("manifest_sha256")
        matches = unchanged and stated == _digest(values)
        values["path"] = path.parent / Path(values["path"]).name
        values["fences"], values["chunks"] = tuple(values["fences"]), tuple(values["chunks"])
        values["positions"] = tuple(tuple(position) for position in values["positions"])
        manifest = Manifest(**values)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise Truncated(f"{path.name}: the manifest does not read: {error}") from error
    if not matches:
        raise Damaged(f"{path.name}: the manifest does not match its own checksum")
    return manifest
