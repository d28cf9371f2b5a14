"""The viewer's own files in a site: our modules, the third parties' below them, and the licences of all."""

import json
import shutil
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib.staticfiles import finders

from core.errors import Unavailable
from viewer.modules import needed_by

FOLDER: Final = "assets"
"""Laid out as they are served by a laboratory: modules import one another by relative paths."""
_MODULES: Final = ("corpus/site/slide.js", "viewer/engine/decode_worker.js")
_PAGE: Final = (
    "npm/ol/dist/ol.js", "npm/flatbush/flatbush.js", "npm/ol/ol.css", "viewer/viewer.css",
    "viewer/drawing/drawing.css",
)  # fmt: skip
_PACKAGES: Final = ("flatbush", "numcodecs", "ol")


def write_assets(root: Path) -> None:
    """Copy what a viewer's page asks for below `root`. Raises Unavailable where one is not installed."""
    for name in sorted({*_PAGE, *_MODULES, *(one for module in _MODULES for one in needed_by(module))}):
        copy(name, root / FOLDER / name)
    (root / FOLDER / "LICENSES.txt").write_text(_licences(), encoding="utf-8", newline="\n")


def copy(name: str, to: Path) -> None:
    """Copy a static file. Raises Unavailable."""
    found = finders.find(name)
    if found is None:
        raise Unavailable(f"{name} of the site is not installed.")
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(found, to)


def _licences() -> str:
    """Our licence, and those of every package that the copied files were built of."""
    parts = [f"Nocturne\n\n{_text(Path(settings.BASE_DIR), 'Nocturne')}"]
    modules = Path(settings.NODE_MODULES)
    for name in sorted(_packages(modules)):
        parts.append(f"{name}\n\n{_text(modules / name, name)}")
    return f"\n{'-' * 72}\n\n".join(parts)


def _packages(modules: Path) -> set[str]:
    found: set[str] = set()
    waiting = list(_PACKAGES)
    while waiting:
        name = waiting.pop()
        about = modules / name / "package.json"
        if name not in found and about.is_file():
            found.add(name)
            waiting.extend(json.loads(about.read_bytes()).get("dependencies", {}))
    return found


def _text(folder: Path, name: str) -> str:
    files = sorted(file for file in folder.glob("LICEN[SC]E*") if file.is_file())
    if files:
        return "\n".join(file.read_text(encoding="utf-8", errors="replace").strip() for file in files) + "\n"
    about = folder / "package.json"
    licence = json.loads(about.read_bytes()).get("license") if about.is_file() else None
    if not licence:
        raise Unavailable(f"The licence of {name} is not installed.")
    return f"Licence: {licence}\n"
