"""What a state of the disk still holds, by the real recovery, beside what had been promised."""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np

from tests.faults.medium import Image
from tests.faults.recording import Mark
from tests.faults.scan import JOURNALS, SLIDES, Scan, Sent
from vslide.disk import DISK
from vslide.errors import SlideError
from vslide.journal import recover, segments
from vslide.manifest import file_sha256, manifest_path, read_manifest
from vslide.orders import ORDER_NAME, read_order, read_result
from vslide.recovery import PlaneKey
from vslide.salvage import salvage
from vslide.store import SlideFile
from vslide.verify import verify_slide

_REMEMBERED = 64


@dataclass
class Promises:
    """What the writer has said so far."""

    acknowledged: set[PlaneKey] = field(default_factory=set)
    said: set[str] = field(default_factory=set)

    def mark(self, what: str, told: frozenset[object] = frozenset()) -> None:
        self.said.add(what)
        self.acknowledged |= told  # type: ignore[arg-type]

    def hear(self, mark: Mark) -> None:
        self.mark(mark.what, mark.told)


@dataclass(frozen=True)
class Found:
    """What one directory gives back: good planes, planes with other bytes, and what is wrong in words."""

    planes: frozenset[PlaneKey] = frozenset()
    wrong: frozenset[PlaneKey] = frozenset()
    faults: tuple[str, ...] = ()
    open_run: bool = False


@dataclass(frozen=True)
class Verdict:
    lost: int = 0
    unreadable: int = 0
    silent: int = 0
    problems: tuple[str, ...] = ()


class Inspector:
    """Lays states of one film out below `scratch`, only what it has not seen before, and looks at them."""

    def __init__(self, sent: Sent, scratch: Path) -> None:
        self.sent = sent
        self.scratch = scratch
        self.looked = 0
        self._there: dict[Path, bytes] = {}
        self._remembered: dict[bytes, Found] = {}

    def judge(self, image: Image, promises: Promises) -> Verdict:
        journals = self._each(image, f"{JOURNALS}/run-", self._journal)
        slides = self._each(image, f"{SLIDES}/", self._slide)
        lost = promises.acknowledged.difference(*(found.planes for found in (*journals, *slides)))
        wrong = frozenset[PlaneKey]().union(*(found.wrong for found in (*journals, *slides)))
        faults = [fault for found in (*journals, *slides) for fault in found.faults]
        if "published" in promises.said and not any(found.planes for found in slides):
            faults.append("the slide was told to be published and is not there")
        if "told" in promises.said and any(found.open_run for found in journals):
            faults.append("a run that had ended came back to life")
        words = [*faults, *([f"{len(lost)} planes lost"] if lost else ())]
        words += [f"{len(wrong)} planes with other bytes"] if wrong else ()
        return Verdict(len(lost), len(faults), len(wrong), tuple(words))

    def _each(self, image: Image, prefix: str, look: Callable[[Path], Found]) -> list[Found]:
        folders = sorted(folder for folder in image.folders if folder.startswith(prefix))
        return [self._found(image, folder, look) for folder in folders]

    def _found(self, image: Image, folder: str, look: Callable[[Path], Found]) -> Found:
        """What is in a directory depends on nothing but the names and bytes in it: the same is not looked
        at twice in a row.
        """
        files = image.below(folder)
        names = repr([(name, hashlib.sha256(content).digest()) for name, content in files.items()])
        seen = hashlib.sha256(folder.encode() + names.encode()).digest()
        if seen not in self._remembered:
            if len(self._remembered) >= _REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            self.looked += 1
            self._remembered[seen] = look(self._laid_out(folder, files))
        return self._remembered[seen]

    def _laid_out(self, folder: str, files: Mapping[str, bytes]) -> Path:
        place = self.scratch / folder
        place.mkdir(parents=True, exist_ok=True)
        for path in [path for path in self._there if path.parent == place and path.name not in files]:
            path.unlink()
            del self._there[path]
        for name, content in files.items():
            if self._there.get(place / name) != content:
                (place / name).write_bytes(content)
                self._there[place / name] = content
        return place

    # --- looking
    def _journal(self, place: Path) -> Found:
        faults = []
        open_run = False
        if (place / ORDER_NAME).exists():
            try:
                open_run = read_result(place, read_order(place).fence) is None
            except SlideError as error:
                faults.append(f"order or result: {error}")
        if not segments(place):
            return Found(faults=tuple(faults), open_run=open_run)
        try:
            found = recover(place)
        except SlideError as error:
            return Found(faults=(*faults, f"the journal does not read: {error}"), open_run=open_run)
        content = {path: path.read_bytes() for path in {r.path for r in found.planes.values()}}
        stored = {where: content[r.path][r.payload : r.end] for where, r in found.planes.items()}
        good, wrong = _compared(self.sent, stored)
        faults += [f"{len(found.conflicts)} conflicts"] if found.conflicts else []
        return Found(good, wrong, tuple(faults), open_run)

    def _slide(self, place: Path) -> Found:
        slide = _published(place)
        if slide is not None and (faults := _faults(slide)):
            return Found(faults=(f"a published slide: {faults[0]}; {self._salvaged(slide)}",))
        return planes_of_slide(self.sent, place)

    def _salvaged(self, slide: Path) -> str:
        if not manifest_path(slide).exists():
            return "nothing to salvage it by"
        back = self.scratch / "salvaged"
        try:
            return f"{salvage(slide, back).planes} planes salvaged"
        except SlideError as error:
            return f"salvage: {error}"
        finally:
            shutil.rmtree(back, ignore_errors=True)

    # --- going on
    def go_on(self, image: Image, promises: Promises, random: Random) -> Verdict:
        """Begin again after the crash as manager and writer do, and bring the slide to its end."""
        root = self.scratch / "going-on"
        for folder in (JOURNALS, SLIDES, *sorted(image.folders)):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for path in image.files:
            (root / path).write_bytes(image.content(path))
        try:
            if "told" not in promises.said or any(place.is_dir() for place in (root / JOURNALS).iterdir()):
                Scan(root, self.sent, DISK, Promises(), random).go_on()
            slides = [self._slide(place) for place in (root / SLIDES).iterdir()]
        except (SlideError, OSError) as error:
            return Verdict(unreadable=1, problems=(f"it did not go on: {type(error).__name__}: {error}",))
        finally:
            shutil.rmtree(root)
        missing = set(self.sent.planes).difference(*(found.planes for found in slides))
        faults = tuple(fault for found in slides for fault in found.faults)
        words = (
            *faults,
            *([f"{len(missing)} planes are not in the slide after going on"] if missing else ()),
        )
        return Verdict(len(missing), len(faults), 0, words)


def planes_of_slide(sent: Sent, place: Path) -> Found:
    """The planes of the slide that is published in this directory."""
    slide = _published(place)
    if slide is None:
        return Found()
    with SlideFile(slide) as file:
        places = list(np.ndindex(*sent.header.chunk_counts))
        stored = {
            (field.key, w): b"".join(file.stored(1, (field.index, w, *at)) for at in places)
            for field in file.fields
            for w in range(sent.header.planes)
        }
    good, wrong = _compared(sent, stored)
    return Found(good, wrong)


def _published(place: Path) -> Path | None:
    return next((path for path in place.glob("*.h5") if not path.name.startswith(".")), None)


def _compared(
    sent: Sent, stored: Mapping[PlaneKey, bytes]
) -> tuple[frozenset[PlaneKey], frozenset[PlaneKey]]:
    good = frozenset(where for where, data in stored.items() if data == sent.payload(where))
    return good, frozenset(stored) - good


def _faults(slide: Path) -> list[str]:
    """As `verify_slide` says; but HDF5 may die of a torn file, and one that is not the manifest's is a fault
    in any case.
    """
    try:
        manifest = read_manifest(manifest_path(slide))
    except (SlideError, OSError) as error:
        return [f"its manifest: {error}"]
    if file_sha256(slide) != manifest.sha256:
        return ["its sha256 is not the manifest's"]
    return verify_slide(slide)
