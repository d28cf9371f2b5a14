"""Browser modules come from npm at set-up; only what a page needs is served, under /static/npm/."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

# package → the files or folders a page may ask for
MODULES: dict[str, tuple[str, ...]] = {
    "ol": ("ol.css", "dist/ol.js"),
    "flatbush": ("flatbush.js",),
    "clipper2-ts": ("dist",),
    "numcodecs": ("dist",),
    "uplot": ("dist/uPlot.esm.js", "dist/uPlot.min.css"),
}


class NodeModulesFinder(BaseFinder):
    """Finds `npm/<package>/<file>` in node_modules, for the files of `MODULES` and nothing else."""

    def __init__(self, app_names: object = None, *args: object, **kwargs: object) -> None:
        root = Path(settings.NODE_MODULES)
        self.storages = {name: self._storage(root / name, name) for name in MODULES if (root / name).is_dir()}

    @staticmethod
    def _storage(folder: Path, name: str) -> FileSystemStorage:
        storage = FileSystemStorage(location=folder)
        storage.prefix = f"npm/{name}"  # type: ignore[attr-defined]  # where staticfiles looks for it
        return storage

    def check(self, **kwargs: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        match = next((self.storages[p].path(f) for p, f in self._files() if f"npm/{p}/{f}" == path), None)
        if find_all:
            return [match] if match else []
        return match

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        for package, file in self._files():
            yield file, self.storages[package]

    def _files(self) -> Iterator[tuple[str, str]]:
        for package, storage in self.storages.items():
            root = Path(storage.location)
            for entry in MODULES[package]:
                target = root / entry
                files = sorted(target.rglob("*.js")) if target.is_dir() else [target]
                yield from ((package, file.relative_to(root).as_posix()) for file in files if file.is_file())
