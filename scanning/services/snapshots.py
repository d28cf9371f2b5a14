"""The snapshot phase: photograph every glass, read its label, propose area and focus points, judge the
risk.
"""

import uuid
from pathlib import Path

import cv2
import numpy as np
from django.conf import settings
from django.db import IntegrityError, transaction

from core import jobs
from core.errors import BadInput, Conflict
from lims import queries
from lims.models import Batch, Slide, Slot
from lims.services import Actor, advance, move_phase
from lims.states import FailureReason, State
from microscope import MicroscopeError
from microscope.barcode import read as read_barcode
from microscope.focus import SAFE_BELOW, Proposal, propose
from microscope.messages import SnapshotResult
from scanning.clients import ScannerLost, ScannerTaken, fault_of, info_of, scanner_client
from scanning.models import FocusPoint, Night, Scanner, Snapshot
from scanning.plans import glass_for
from scanning.queries import next_try
from wire import WireError

SNAPSHOT_TIMEOUT_S = 60.0
FORGETFUL = frozenset({"scanner_lost", "unknown_job"})  # away, or restarted with no memory of our picture


@transaction.atomic
def start_snapshots(*, batch: Batch, scanner: Scanner, actor: Actor) -> Night:
    """Begin the snapshot phase. Raises Conflict while the pre-flight check finds anything that blocks."""
    blocking = [problem for problem in queries.preflight(batch) if problem.blocking]
    if blocking:
        raise Conflict(
            f"{len(blocking)} slots must be put right first: {blocking[0].message}",
            problems=[problem.message for problem in blocking],
        )
    if Night.objects.filter(scanner=scanner, ended_at=None).exclude(batch=batch).exists():
        raise Conflict(f"{scanner} still has an unfinished night.")
    if not move_phase(batch=batch, source=[Batch.Phase.LOADING], target=Batch.Phase.SNAPSHOTS, actor=actor):
        raise Conflict(f"The snapshots of {batch} have been started already.")
    try:
        with transaction.atomic():
            night = Night.objects.create(batch=batch, scanner=scanner)
    except IntegrityError as error:  # another batch was a moment faster
        raise Conflict(f"{scanner} still has an unfinished night.") from error
    for slot in queries.slots_of(batch).filter(slide__isnull=False):
        jobs.enqueue("scanning.snap", queue=scanner.queue, slot_id=slot.pk)
    return night


def snap(*, slot: Slot, night: Night) -> None:
    """Photograph one slot and judge it; a fault of the glass fails the slide, and the phase goes on."""
    slide = slot.slide
    if slide is None or slide.state != State.LOADED:
        return
    if night.scanner.locked_by:
        raise ScannerTaken(f"{night.scanner.locked_by} has taken {night.scanner}.")
    try:
        result, macro, label = _photograph(slot, slide, night)
    except (MicroscopeError, WireError) as error:
        code, message, retryable = fault_of(error)
        if code in FORGETFUL:
            raise ScannerLost(message) from error
        if retryable and code not in FailureReason.values:
            raise
        _fail(slide, code, message)
        return
    _keep(slot, slide, result, macro, label)


def _photograph(slot: Slot, slide: Slide, night: Night) -> tuple[SnapshotResult, bytes, bytes]:
    carousel, position = slot.carousel.number, slot.position
    attempt = next_try(slide)
    job_id = uuid.uuid5(slide.uid, f"snapshot of slot {slot.pk}").hex
    with scanner_client(night.scanner.name) as client:
        if "hands" in info_of(client).capabilities:
            client.place(carousel, position, glass_for(slide, slot.barcode))
        status = client.snap(
            job_id,
            carousel,
            position,
            attempt=attempt,
            tries=settings.SNAPSHOT_FOCUS_TRIES,
            wait=True,
            timeout_s=SNAPSHOT_TIMEOUT_S,
        )
        if status.state != "done":
            message = status.message or "the snapshot did not end in time"
            raise SnapshotFailed(status.code or "stall", message, status.retryable)
        return client.collect(job_id)


class SnapshotFailed(MicroscopeError):
    """The scanner ended a snapshot with a word of the failure vocabulary."""

    def __init__(self, code: str, message: str, retryable: bool) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # this error carries the scanner's own code
        self.retryable = retryable  # type: ignore[misc]


def _fail(slide: Slide, code: str, message: str) -> None:
    reason = code if code in FailureReason.values else FailureReason.OTHER
    advance(slide=slide, to=State.FAILED, reason=reason, note=message)


def _keep(slot: Slot, slide: Slide, result: SnapshotResult, macro: bytes, label: bytes) -> None:
    picture = _decode(macro)
    read = result.barcode or read_barcode(_decode(label)) or ""
    origin = (result.origin_x_um, result.origin_y_um)
    proposal = propose(picture, result.um_per_px, origin, tried=result.tried)
    folder = Path(settings.SNAPSHOT_ROOT) / slide.uid.hex
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / f"{slot.pk}-macro.jpg").write_bytes(macro)
    (folder / f"{slot.pk}-label.png").write_bytes(label)
    with transaction.atomic():
        Snapshot.objects.filter(slot=slot).delete()
        snapshot = Snapshot.objects.create(
            slot=slot,
            slide=slide,
            macro=f"{slide.uid.hex}/{slot.pk}-macro.jpg",
            label=f"{slide.uid.hex}/{slot.pk}-label.png",
            barcode_read=read[:64],
            width=picture.shape[1],
            height=picture.shape[0],
            um_per_px=result.um_per_px,
            origin_x_um=result.origin_x_um,
            origin_y_um=result.origin_y_um,
            **_area(proposal, result, picture),
            risk=proposal.risk.score,
            reasons=list(proposal.risk.reasons),
        )
        FocusPoint.objects.bulk_create(
            FocusPoint(snapshot=snapshot, x_um=point.x_um, y_um=point.y_um) for point in proposal.points
        )
        _judge(slide, slot, snapshot)


def _decode(image: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise BadInput("The scanner sent a picture that cannot be read.")
    return picture


def _area(proposal: Proposal, result: SnapshotResult, picture: np.ndarray) -> dict[str, float]:
    """The proposed scan area, kept on the picture."""
    if proposal.area is None:
        return {}
    area = proposal.area
    left, top = max(area.x_um, result.origin_x_um), max(area.y_um, result.origin_y_um)
    right = min(area.x_um + area.width_um, result.origin_x_um + picture.shape[1] * result.um_per_px)
    bottom = min(area.y_um + area.height_um, result.origin_y_um + picture.shape[0] * result.um_per_px)
    return {
        "area_x_um": left,
        "area_y_um": top,
        "area_width_um": right - left,
        "area_height_um": bottom - top,
    }


def _judge(slide: Slide, slot: Slot, snapshot: Snapshot) -> None:
    if not snapshot.barcode_read:
        _fail(slide, FailureReason.BARCODE_UNREADABLE, f"no barcode on the label in slot {slot}")
    elif snapshot.barcode_read != slot.barcode:
        _fail(
            slide,
            FailureReason.BARCODE_MISMATCH,
            f"slot {slot} holds {snapshot.barcode_read}, not {slot.barcode}",
        )
    else:
        advance(slide=slide, to=State.SNAPPED, note=f"risk {snapshot.risk:.2f}")
        if snapshot.risk >= SAFE_BELOW:
            advance(slide=slide, to=State.REVIEW, note="; ".join(snapshot.reasons)[:500])


def end_snapshots_if_done(*, batch: Batch) -> bool:
    """When no slide waits for its snapshot any more, the batch goes to the focus review."""
    if queries.slides_of(batch).filter(state=State.LOADED).exists():
        return False
    return move_phase(batch=batch, source=[Batch.Phase.SNAPSHOTS], target=Batch.Phase.REVIEW)
