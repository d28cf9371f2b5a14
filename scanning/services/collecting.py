"""After the scan: wait for the slide service to verify the slide, judge it, and bring it into the record."""

import time
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

import vslide
from core.errors import Unavailable
from lims.models import Slide
from lims.states import FailureReason, State
from scanning.clients import slide_service
from scanning.models import Attempt
from scanning.services.attempts import fail_attempt
from scanning.services.nights import end_night_if_done
from scanning.services.quality import judge, scan_missing_again, settle
from viewer.models import VirtualSlide
from vslide.messages import RunStatus
from wire import RemoteError, WireError

log = structlog.get_logger(__name__)
PATIENCE_S = 25.0
LOOK_S = 0.2


class NotYetVerified(Unavailable):
    code = "not_yet_verified"


def collect(*, attempt: Attempt) -> None:
    """Bring a finished run into the record; raises NotYetVerified (retryable) while the writer is still at
    work.
    """
    if attempt.state != Attempt.State.ACQUIRED:
        if _is_in_the_record(attempt):
            _forget(attempt)  # we were interrupted between the record and the journal
        return
    status = _ask_patiently(attempt)
    if status.state == "failed":
        _not_built(attempt, status)
    elif status.state == "unknown":
        fail_attempt(
            attempt=attempt, reason=FailureReason.SLIDE_SERVICE, message="the slide service lost the run"
        )
    else:
        _publish(attempt, status)
    end_night_if_done(night=attempt.night)


def _is_in_the_record(attempt: Attempt) -> bool:
    files = VirtualSlide.objects.filter(slide=attempt.slide_id, kind=VirtualSlide.Kind.MOSAIC)
    return files.filter(attempt=attempt.number).exists()


def _ask_patiently(attempt: Attempt) -> RunStatus:
    until = time.monotonic() + PATIENCE_S
    with slide_service() as service:
        while True:
            try:
                status = service.ask(attempt.run.hex)
                if status.state == "receiving":  # it was restarted before it heard that the scan is complete
                    status = service.finish(attempt.run.hex, attempt.fence)
            except WireError as error:
                raise Unavailable(f"the slide service does not answer: {error}") from error
            if status.state not in {"receiving", "finalising"}:
                return status
            if time.monotonic() > until:
                raise NotYetVerified(f"{attempt} is still being built.")
            time.sleep(LOOK_S)


def _not_built(attempt: Attempt, status: RunStatus) -> None:
    reason = _reason(status)
    missing = len(status.missing) or status.planned - status.received
    if reason == FailureReason.MISSING_FIELDS and scan_missing_again(
        attempt=attempt, missing=missing, message=status.error
    ):
        return
    fail_attempt(attempt=attempt, reason=reason, message=status.error)


def _reason(status: RunStatus) -> FailureReason:
    if status.missing or status.received < status.planned:
        return FailureReason.MISSING_FIELDS
    if status.code == FailureReason.DISK_FULL:
        return FailureReason.DISK_FULL
    return FailureReason.SLIDE_SERVICE if status.code == "writer_lost" else FailureReason.VERIFY_FAILED


def _publish(attempt: Attempt, status: RunStatus) -> None:
    """Into the record. A slide that a person took out of the scan meanwhile stays as that person left it."""
    attempt.slide.refresh_from_db()
    if attempt.slide.state != State.SCANNING:
        message = f"the slide was {attempt.slide.get_state_display().lower()} when its scan was complete"
        Attempt.objects.filter(pk=attempt.pk, state=Attempt.State.ACQUIRED).update(
            state=Attempt.State.ABORTED, message=message, ended_at=timezone.now()
        )
        return
    path = Path(status.path)
    judged = judge(attempt=attempt, path=path)
    with transaction.atomic():
        register_file(
            slide=attempt.slide, path=path, sha256=status.sha256, kind="mosaic", number=attempt.number
        )
        settle(attempt=attempt, judged=judged)
    _forget(attempt)


def _forget(attempt: Attempt) -> None:
    """The journal may go. Raises Unavailable (and the job comes again) while the service does not answer."""
    try:
        with slide_service() as service:
            service.forget(attempt.run.hex)
    except RemoteError as error:
        log.warning("journal_kept", run=attempt.run.hex, error=str(error))
    except WireError as error:
        raise Unavailable(f"the slide service does not answer: {error}") from error


def register_file(*, slide: Slide, path: Path, sha256: str, kind: str, number: int) -> VirtualSlide:
    """Name a verified pixel file as the slide's current one."""
    relative = path.relative_to(settings.SLIDE_ROOT).as_posix()
    with vslide.open(path) as reader:
        width, height = reader.size
        facts = {
            "kind": kind,
            "sha256": sha256,
            "bytes": path.stat().st_size,
            "width": width,
            "height": height,
            "fields": len(reader.fields),
            "channels": len(reader.channels),
            "pixel_size_um": reader.pixel_size_um or None,
            "attempt": number,
        }
    VirtualSlide.objects.filter(slide=slide, current=True).exclude(path=relative).update(current=False)
    row, _ = VirtualSlide.objects.update_or_create(
        path=relative, defaults={"slide": slide, "current": True, **facts}
    )
    return row
