"""After the scan: wait for the slide service to verify the slide, then bring it into the record."""

import time
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

import vslide
from core.errors import Unavailable
from lims.models import Slide
from lims.services import advance
from lims.states import FailureReason, State
from scanning.clients import slide_service
from scanning.models import Attempt
from scanning.services.driving import fail_attempt
from scanning.services.nights import end_night_if_done
from viewer.models import VirtualSlide
from vslide.messages import RunStatus
from wire import WireError

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
        return
    status = _ask_patiently(attempt)
    if status.state == "failed":
        reason = (
            FailureReason.MISSING_FIELDS if status.received < status.planned else FailureReason.VERIFY_FAILED
        )
        fail_attempt(attempt=attempt, reason=reason, message=status.error)
    elif status.state == "unknown":
        fail_attempt(
            attempt=attempt, reason=FailureReason.SLIDE_SERVICE, message="the slide service lost the run"
        )
    else:
        _publish(attempt, status)
    end_night_if_done(night=attempt.night)


def _ask_patiently(attempt: Attempt) -> RunStatus:
    until = time.monotonic() + PATIENCE_S
    with slide_service() as service:
        while True:
            try:
                status = service.ask(attempt.run.hex)
            except WireError as error:
                raise Unavailable(f"the slide service does not answer: {error}") from error
            if status.state == "receiving":  # it was restarted before it heard that the scan is complete
                service.finish(attempt.run.hex, attempt.fence)
            elif status.state != "finalising":
                return status
            if time.monotonic() > until:
                raise NotYetVerified(f"{attempt} is still being built.")
            time.sleep(LOOK_S)


def _publish(attempt: Attempt, status: RunStatus) -> None:
    with transaction.atomic():
        register_file(
            slide=attempt.slide,
            path=Path(status.path),
            sha256=status.sha256,
            kind="mosaic",
            number=attempt.number,
        )
        changed = Attempt.objects.filter(pk=attempt.pk, state=Attempt.State.ACQUIRED).update(
            state=Attempt.State.DONE, ended_at=timezone.now()
        )
        if changed:
            advance(slide=attempt.slide, to=State.SCANNED, note=f"attempt {attempt.number}")
    try:
        with slide_service() as service:
            service.forget(attempt.run.hex)
    except WireError as error:  # the journal is only space; the next start of the service lists it again
        log.warning("journal_kept", run=attempt.run.hex, error=str(error))


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
