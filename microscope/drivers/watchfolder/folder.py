"""A look at a folder: what is complete, unfinished, refused, and what has not changed since the last look."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from microscope.drivers.watchfolder import complete
from vslide.errors import SlideError, Truncated

_UNFINISHED_SUFFIXES = (".part", ".partial", ".tmp", ".crdownload", ".filepart")


@dataclass(frozen=True, slots=True)
class SlideFile:
    """A complete slide file. ``name`` is what its file name offers for matching, ``sha256`` of the whole
    file; ``stamp`` changes whenever the file does.
    """

    path: Path
    name: str
    bytes: int
    sha256: str
    stamp: str = ""
    series: str = ""


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that is no slide that can be read, with the reason in words."""

    path: Path
    reason: str
    bytes: int = 0
    stamp: str = ""


class Remembered(NamedTuple):
    """What became of a file before: it is not read again while its stamp is the same. ``file`` is named once
    more as complete, where somebody still waits for a match.
    """

    stamp: str
    file: SlideFile | None = None


class FolderScan(NamedTuple):
    """What a look at the folder found, each part sorted by path."""

    complete: tuple[SlideFile, ...]
    unfinished: tuple[Path, ...]
    refused: tuple[RefusedFile, ...]
    unchanged: tuple[Path, ...] = ()


def scan_folder(
    folder: Path,
    *,
    settle_s: float = 2.0,
    sleep: Callable[[float], None] = time.sleep,
    remembered: Mapping[Path, Remembered] | None = None,
) -> FolderScan:
    """Look through a folder and its subfolders twice, ``settle_s`` apart. Hidden files are passed over, and
    so are the files in a MIRAX slide's folder: its .mrxs file stands for them.

    Raises NotADirectoryError when there is no such folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(str(folder))
    before = _stamps(folder)
    sleep(settle_s)
    now = _stamps(folder)
    known = {} if remembered is None else _unchanged(now, remembered)
    look = _Look()
    growing = {
        path for path, stamp in now.items() if before.get(path) != stamp or _is_unfinished(path, stamp)
    }
    arriving = {path.parent for path in growing if path.suffix.lower() == complete.DICOM}
    for path, stamp in now.items():
        if path in known:
            look.take_remembered(path, known[path])
        elif path in growing or (path.suffix.lower() == complete.DICOM and path.parent in arriving):
            look.unfinished.append(path)  # a series is whole when the last of its instances is
        else:
            look.take(path, stamp)
    return look.result()


class _Look:
    def __init__(self) -> None:
        self.complete: list[SlideFile] = []
        self.unfinished: list[Path] = []
        self.refused: list[RefusedFile] = []
        self.unchanged: list[Path] = []

    def take_remembered(self, path: Path, known: Remembered) -> None:
        if known.file is None:
            self.unchanged.append(path)
        else:
            self.complete.append(known.file)

    def take(self, path: Path, stamp: str) -> None:
        """What the file is. One that changes or goes away while it is read is not finished."""
        try:
            series = complete.check(path)
            file = SlideFile(path, path.stem, path.stat().st_size, complete.sha256(path), stamp, series)
        except Truncated:
            self.unfinished.append(path)
        except (SlideError, OSError) as error:
            if _stamp(path) == stamp:
                self.refused.append(RefusedFile(path, str(error), path.lstat().st_size, stamp))
            elif _stamp(path):
                self.unfinished.append(path)
        else:
            if _stamp(path) == stamp:
                self.complete.append(file)
            else:
                self.unfinished.append(path)

    def result(self) -> FolderScan:
        instances = Counter((file.path.parent, file.series) for file in self.complete if file.series)
        alone = [file for file in self.complete if instances[file.path.parent, file.series] < 2]
        self.refused += [
            RefusedFile(
                file.path,
                f"one of {instances[file.path.parent, file.series]} instances of a DICOM series in this "
                "folder, and here a slide is one file: export it as a single instance",
                file.bytes,
                file.stamp,
            )
            for file in self.complete
            if instances[file.path.parent, file.series] > 1
        ]
        return FolderScan(
            tuple(sorted(alone, key=lambda file: file.path)),
            tuple(sorted(self.unfinished)),
            tuple(sorted(self.refused, key=lambda refused: refused.path)),
            tuple(sorted(self.unchanged)),
        )


def _unchanged(now: dict[Path, str], remembered: Mapping[Path, Remembered]) -> dict[Path, Remembered]:
    """What need not be read again. Instances of a DICOM series are one thing: if a file of their folder is
    new, all of them are looked at.
    """
    same = {path: known for path, known in remembered.items() if known.stamp and now.get(path) == known.stamp}
    stirred = {path.parent for path in now if path.suffix.lower() == complete.DICOM and path not in same}
    return {
        path: known
        for path, known in same.items()
        if path.suffix.lower() != complete.DICOM or path.parent not in stirred
    }


def _stamps(folder: Path) -> dict[Path, str]:
    """Every file with its stamp; those that go away while we look are not there."""
    found = {path: _stamp(path) for path in _files(folder)}
    return {path: stamp for path, stamp in found.items() if stamp}


def _files(folder: Path) -> Iterator[Path]:
    mirax = {path.with_suffix("") for path in folder.rglob(f"*{complete.MIRAX}")}
    for path in sorted(folder.rglob("*")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if mirax.isdisjoint(path.parents) and (path.is_symlink() or path.is_file()):
            yield path


def _stamp(path: Path) -> str:
    """Empty when there is no such file."""
    try:
        state = path.lstat()
    except OSError:
        return ""
    return f"{state.st_size}:{state.st_mtime_ns}:{state.st_ctime_ns}:{state.st_ino}"


def _is_unfinished(path: Path, stamp: str) -> bool:
    return stamp.startswith("0:") or path.suffix.lower() in _UNFINISHED_SUFFIXES
