"""A release is built out of sight, searched once more, and then appears whole."""

import os
import shutil
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core import audit
from core.errors import Conflict, NocturneError, Unavailable
from corpus import bag
from corpus.errors import ReleaseStopped
from corpus.models import Release, ReleaseItem
from corpus.queries import image_items
from corpus.services.filling import Filled, fill
from corpus.services.searching import search
from deidentify.services import hold_clean
from lims.models import Slide
from lims.services import advance
from lims.states import SYSTEM, State

log = structlog.get_logger(__name__)


def build(*, release: Release) -> Release:
    """Build, search and publish an approved release. Safe to repeat and to kill at any moment.

    What is wrong with it stops it (state failed, `problem` says why). Raises only what may pass (retryable).
    """
    release.refresh_from_db()
    if release.state != Release.State.APPROVED:
        return release
    try:
        _check(release)
        filled = _read_back(release) if release.folder.exists() else _make(release)
        _publish(release, filled)
    except OSError as error:
        raise Unavailable(f"The release could not be stored: {error.strerror or error}") from error
    except NocturneError as error:
        if error.retryable:
            raise
        _stop(release, error)
    release.refresh_from_db()
    return release


def _check(release: Release) -> None:
    moved = [
        f"{item.slide.barcode} is {State(item.slide.state).label.lower()}"
        for item in image_items(release)
        if item.slide is not None and item.slide.state != State.READ
    ]
    if moved:
        raise ReleaseStopped(f"{len(moved)} slides are no longer as they were: {', '.join(moved[:5])}.")


def _make(release: Release) -> Filled:
    """Fill a hidden folder, search it, make it durable, and rename it: nothing partial is ever seen."""
    root = Path(settings.RELEASE_ROOT)
    root.mkdir(parents=True, exist_ok=True, mode=0o750)
    hidden = root / f".building-{release.number}"
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir(mode=0o750)
    try:
        filled = fill(release, hidden)
        search(filled, hidden)
        _sync(hidden)
        hidden.rename(release.folder)  # an empty or absent target only: a release is never replaced
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    _sync_folder(root)
    return filled


def _read_back(release: Release) -> Filled:
    """The folder is there: a worker died between the rename and the record. It counts if every file is as
    its manifest says.
    """
    wrong = bag.verify(release.folder)
    if wrong:
        raise ReleaseStopped(f"A folder of this number is there and is not whole: {wrong[0]}.")
    filled = Filled.of_folder(release.folder)
    images = {entry.path for entry in filled.entries if entry.kind == ReleaseItem.Kind.IMAGE}
    if images != set(image_items(release).values_list("path", flat=True)):
        raise ReleaseStopped("A folder of this number is there and holds another release.")
    return filled


def _publish(release: Release, filled: Filled) -> None:
    """The record follows the folder: items, slides and state in one transaction."""
    slides = {item.path: item.slide for item in image_items(release)}
    stems = {path.rsplit(".", 1)[0]: slide for path, slide in slides.items()}
    with transaction.atomic():
        won = Release.objects.filter(pk=release.pk, state=Release.State.APPROVED).update(
            state=Release.State.PUBLISHED,
            published_at=timezone.now(),
            path=str(release.folder),
            manifest_sha256=filled.manifest_sha256,
            stats={**filled.stats, "phi_hits": 0},
            problem="",
        )
        if not won:
            raise Conflict(f"{release} was published by another worker.")
        _require_current(release, slides, filled)
        release.items.all().delete()
        ReleaseItem.objects.bulk_create(
            ReleaseItem(
                release=release,
                slide=stems.get(entry.path.rsplit(".", 1)[0]),
                kind=entry.kind,
                path=entry.path,
                sha256=entry.sha256,
                bytes=entry.bytes,
            )
            for entry in filled.entries
        )
        for slide in slides.values():
            if slide is not None:
                advance(slide=slide, to=State.RELEASED, note=f"release {release.number}")
        audit.record(
            actor=SYSTEM,
            action="release.publish",
            target=f"release:{release.number}",
            slides=len(slides),
            manifest=filled.manifest_sha256,
        )


def _require_current(release: Release, slides: dict[str, Slide | None], filled: Filled) -> None:
    """Somebody may have covered a region while the release was built. Whoever covers one after this waits for
    the record, and is told that the slide is released. Raises ReleaseStopped; then the folder is gone.
    """
    built = {entry.path: entry.sha256 for entry in filled.entries}
    for path, slide in slides.items():
        if slide is not None and not hold_clean(slide=slide, sha256=built[path]):
            shutil.rmtree(release.folder)
            raise ReleaseStopped(f"The image of {slide.barcode} was made anew while the release was built.")


def _stop(release: Release, error: NocturneError) -> None:
    with transaction.atomic():
        changed = Release.objects.filter(pk=release.pk, state=Release.State.APPROVED).update(
            state=Release.State.FAILED,
            problem=f"{error.code}: {error.message}"[:4000],
            stats={"phi_hits": int(error.detail.get("hits", 0))},
        )
        if changed:
            audit.record(
                actor=SYSTEM, action="release.stop", target=f"release:{release.number}", code=error.code
            )
    log.error("release_stopped", release=release.number, code=error.code, message=error.message)


def _sync(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        if path.is_dir():
            _sync_folder(path)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
