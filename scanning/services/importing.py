"""Vendor scanners' files come into the record: matched to a slide by file name or label, copied, never
moved.
"""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction

import vslide
from core.errors import BadInput, Conflict, NocturneError
from lims.models import Slide
from lims.services import Actor, advance
from lims.states import SYSTEM, State
from microscope.barcode import read as read_barcode
from microscope.drivers.watchfolder import Remembered, SlideFile, match, scan_folder
from scanning.models import ImportedFile
from scanning.services.collecting import register_file
from viewer.models import VirtualSlide
from vslide import SlideError

OPEN = (State.REGISTERED, State.FAILED)
COPY_BYTES = 4 << 20
NO_SLIDE = "no open slide has this name or label"


@dataclass
class Imported:
    """What one look at a folder brought. ``copies`` are files whose pixels the record has from another."""

    matched: list[Slide] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)


def import_folder(*, folder: Path, actor: Actor = SYSTEM, settle_s: float = 2.0) -> Imported:
    """Bring every complete, safe and matched file of a folder into the record. Safe to repeat: what has not
    changed since the last look is not read again.

    Raises BadInput where there is no such folder.
    """
    try:
        found = scan_folder(folder, settle_s=settle_s, remembered=_remembered(folder))
    except NotADirectoryError as error:
        raise BadInput(f"{folder} is no folder.") from error
    result = Imported(unfinished=[_text(path.name) for path in found.unfinished])
    for refused in found.refused:
        _note(
            refused.path,
            ImportedFile.State.REFUSED,
            stamp=refused.stamp,
            message=refused.reason,
            size=refused.bytes,
        )
        result.refused.append((_text(refused.path.name), refused.reason))
    first = {file.sha256: file for file in reversed(found.complete)}
    for file, slide in _matches(file for file in first.values() if _source(file) is None):
        _take(file, slide, actor, result)
    for file in found.complete:
        _note_copy(file, first[file.sha256], result)
    return result


def _take(file: SlideFile, slide: Slide | None, actor: Actor, result: Imported) -> None:
    """One file that fails keeps no other from coming in."""
    if slide is None:
        reason = _why_unmatched(file)
        _note(file.path, ImportedFile.State.UNMATCHED, file=file, stamp=file.stamp, message=reason)
        result.unmatched.append(_text(file.path.name))
        return
    try:
        import_file(file=file, slide=slide, actor=actor)
    except FileNotFoundError:
        result.unfinished.append(_text(file.path.name))
    except (Conflict, SlideError, OSError) as error:  # without a stamp: looked at again next time
        _note(file.path, ImportedFile.State.REFUSED, file=file, message=str(error))
        result.refused.append((_text(file.path.name), str(error)))
    else:
        result.matched.append(slide)


def _note_copy(file: SlideFile, first: SlideFile, result: Imported) -> None:
    """The same bytes under another name: they belong to whatever the first of them belongs to."""
    row = ImportedFile.objects.filter(path=_place(file.path), stamp=file.stamp).first()
    if row is not None and row.sha256 == file.sha256 and file.stamp:
        return
    source = _source(file)
    if source is not None:
        message = f"the very file that slide {source.slide.barcode} has"
        _note(
            file.path,
            ImportedFile.State.MATCHED,
            file=file,
            slide=source.slide,
            stamp=file.stamp,
            message=message,
        )
        result.copies.append(_text(file.path.name))
    elif file is not first:
        message = f"the same file as {_text(first.path.name)}"
        _note(file.path, ImportedFile.State.UNMATCHED, file=file, stamp=file.stamp, message=message)
        result.unmatched.append(_text(file.path.name))


def _source(file: SlideFile) -> VirtualSlide | None:
    """The pixels in the record that are this very file."""
    return VirtualSlide.objects.filter(sha256=file.sha256).select_related("slide").first()


def _remembered(folder: Path) -> dict[Path, Remembered]:
    rows = ImportedFile.objects.filter(path__startswith=_place(folder)).exclude(stamp="")
    return {
        Path(row.path): Remembered(
            row.stamp,
            SlideFile(Path(row.path), Path(row.path).stem, row.bytes, row.sha256, row.stamp)
            if row.state == ImportedFile.State.UNMATCHED
            else None,
        )
        for row in rows
    }


def _matches(files: Iterable[SlideFile]) -> list[tuple[SlideFile, Slide | None]]:
    """Each file with its slide: by the name first, then by the barcode on the label photograph inside."""
    slides = {slide.barcode: slide for slide in Slide.objects.filter(state__in=OPEN)}
    by_name = match(files, slides)
    pairs: list[tuple[SlideFile, Slide | None]] = [
        (file, slides[code]) for code, file in by_name.matched.items()
    ]
    taken = set(by_name.matched)
    for file in by_name.unmatched:
        code = _label_barcode(file.path)
        slide = slides.get(code) if code and code not in taken else None
        taken.add(code or "")
        pairs.append((file, slide))
    return pairs


def _label_barcode(path: Path) -> str | None:
    label = vslide.label_image(path)
    return None if label is None else read_barcode(np.ascontiguousarray(label))


def _why_unmatched(file: SlideFile) -> str:
    """A name may be that of a slide which takes no file now."""
    slide = Slide.objects.filter(barcode__iexact=file.name).first()
    if slide is None or slide.state in OPEN:
        return NO_SLIDE
    return f"slide {slide.barcode} is {slide.get_state_display().lower()}: it takes no file now"


def import_file(*, file: SlideFile, slide: Slide, actor: Actor = SYSTEM) -> VirtualSlide:
    """Copy one file into the store and name it as the slide's pixels. Raises Conflict when the copy is not
    the file, ``OSError``.
    """
    if slide.state not in OPEN:
        raise Conflict(
            f"Slide {slide.barcode} is {slide.get_state_display().lower()}: it has its pixels already."
        )
    target = (
        Path(settings.SLIDE_ROOT) / "slides" / slide.uid.hex / f"{uuid.uuid4().hex}{file.path.suffix.lower()}"
    )
    _copy(file, target)
    try:
        with transaction.atomic():
            number = slide.attempts.count() + 1
            row = register_file(slide=slide, path=target, sha256=file.sha256, kind="vendor", number=number)
            _note(file.path, ImportedFile.State.MATCHED, file=file, slide=slide, stamp=file.stamp)
            advance(slide=slide, to=State.SCANNED, actor=actor, note=f"imported {_text(file.path.name)}")
    except (NocturneError, SlideError):
        target.unlink()  # nothing names the copy
        raise
    return row


def _copy(file: SlideFile, target: Path) -> None:
    """Written aside, hashed on the way, synced, renamed: a slide row never names a path that was not
    verified.
    """
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = target.with_name(f".{target.name}.part")
    try:
        with file.path.open("rb") as source, aside.open("wb") as copy:
            shutil.copyfileobj(source, copy, COPY_BYTES)
            copy.flush()
            os.fsync(copy.fileno())
        with aside.open("rb") as copy:
            same = hashlib.file_digest(copy, "sha256").hexdigest() == file.sha256
        if not same:
            raise Conflict(
                f"{_text(file.path.name)} changed while it was copied; it will be looked at again."
            )
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def _text(name: str) -> str:
    """A name that any database takes: bytes that are no UTF-8 become signs that say so."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _place(path: Path) -> str:
    return _text(str(path))[:500]


def _note(
    path: Path,
    state: str,
    *,
    file: SlideFile | None = None,
    slide: Slide | None = None,
    stamp: str = "",
    message: str = "",
    size: int = 0,
) -> None:
    facts = {
        "name": _text(path.name)[:255],
        "state": state,
        "slide": slide,
        "message": _text(message)[:500],
        "sha256": file.sha256 if file else "",
        "bytes": file.bytes if file else size,
        "stamp": stamp,
    }
    ImportedFile.objects.update_or_create(path=_place(path), defaults=facts)


def match_by_hand(*, found: ImportedFile, barcode: str, actor: Actor) -> VirtualSlide:
    """A person says which slide an unmatched file shows."""
    slide = Slide.objects.filter(barcode=barcode.strip()).first()
    if slide is None:
        raise BadInput(f"No slide has the barcode {barcode.strip()}.", field="barcode")
    path = Path(found.path)
    if not path.is_file():
        raise Conflict(f"{found.name} is no longer where it was found.")
    try:
        vslide.inspect_file(path)
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        file = SlideFile(path, path.stem, path.stat().st_size, sha256, found.stamp)
        return import_file(file=file, slide=slide, actor=actor)
    except (SlideError, OSError) as error:
        raise BadInput(f"{found.name} is not taken: {error}") from error
