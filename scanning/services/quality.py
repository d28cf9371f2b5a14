"""Quality control: every verified slide is measured, then published, scanned again, or shown to a person."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

import vslide
from core import audit
from core.errors import BadInput, Conflict
from lims.services import Actor, advance
from lims.states import OF_THE_GLASS, FailureReason, State
from scanning.adjusting import adjustments, can_heal, drawn_by_hand, tissue_of
from scanning.models import Attempt, Quality, Snapshot
from scanning.services.attempts import last_place
from scanning.services.nights import queue_attempt
from scanning.verdicts import UNREADABLE, Finding, Limits, decide, findings
from viewer.models import VirtualSlide
from vslide.quality import Measures, measure

log = structlog.get_logger(__name__)
DECISIVE = {Quality.Verdict.GOOD: State.SCANNED, Quality.Verdict.DOUBTFUL: State.QUALITY}


@dataclass(frozen=True)
class Judgement:
    """What was measured on one attempt, what is wrong with it, and what is to be done."""

    verdict: Quality.Verdict
    found: Sequence[Finding] = ()
    measures: Measures | None = None
    adjustments: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def reason(self) -> str:
        """The worst finding, as a word of the failure vocabulary."""
        worst = self.found[0].code if self.found else ""
        return worst if worst in FailureReason.values else FailureReason.OTHER

    @property
    def words(self) -> str:
        return "; ".join(finding.message for finding in self.found)


def judge(*, attempt: Attempt, path: Path) -> Judgement:
    """Measure a verified slide and decide; nothing is written."""
    began, limits = time.perf_counter(), Limits.of_settings()
    snapshot = Snapshot.objects.filter(slot=attempt.slot_id).first()
    tissue = tissue_of(snapshot)
    by_hand = snapshot is not None and drawn_by_hand(snapshot)
    try:
        with vslide.open(path) as slide:
            measures = measure(slide, None if by_hand else tissue)
            channels = [channel.name for channel in slide.channels]
    except vslide.SlideError as error:
        log.warning("quality_not_measured", attempt=attempt.pk, error=str(error))
        unread = Finding(UNREADABLE, 1.0, f"the slide's pixels could not be read: {error}")
        return Judgement(Quality.Verdict.DOUBTFUL, [unread], seconds=time.perf_counter() - began)
    found = findings(measures, limits, channels)
    healed = can_heal(attempt, snapshot, tissue)
    verdict = decide(found, rescans_left=rescans_left(attempt, limits), can_heal=healed)
    changed = adjustments(found, attempt, snapshot, tissue) if verdict == Quality.Verdict.RESCAN else {}
    return Judgement(verdict, found, measures, changed, time.perf_counter() - began)


def rescans_left(attempt: Attempt, limits: Limits) -> int:
    """How often this night may still scan this slide again by itself."""
    made = Quality.objects.filter(
        attempt__slot=attempt.slot_id, attempt__slide=attempt.slide_id, verdict=Quality.Verdict.RESCAN
    )
    return limits.rescans - made.count()


def settle(*, attempt: Attempt, judged: Judgement) -> bool:
    """Carry a judgement out, in the caller's transaction; False when the attempt had ended already."""
    again = judged.verdict == Quality.Verdict.RESCAN
    end = {"state": Attempt.State.FAILED, "reason": judged.reason} if again else {"state": Attempt.State.DONE}
    changed = Attempt.objects.filter(pk=attempt.pk, state=Attempt.State.ACQUIRED).update(
        **end, message=judged.words[:500], ended_at=timezone.now()
    )
    if not changed:
        return False
    Quality.objects.create(attempt=attempt, **_as_row(judged))
    note = f"attempt {attempt.number}{': ' + judged.words if judged.found else ''}"
    if again:
        _queue_again(attempt, judged, note)
    else:
        advance(slide=attempt.slide, to=DECISIVE[judged.verdict], note=note)
    return True


def scan_missing_again(*, attempt: Attempt, missing: int, message: str) -> bool:
    """A scan that could not be built, for fields are missing, is tried again while the night may; False when
    it may not.
    """
    if rescans_left(attempt, Limits.of_settings()) <= 0:
        return False
    attempt.slide.refresh_from_db()
    if attempt.slide.state != State.SCANNING:
        return False
    share = min(1.0, missing / max(1, attempt.planned_planes))
    found = [Finding(FailureReason.MISSING_FIELDS, share, message)]
    changed = adjustments(found, attempt, None, None)
    judged = Judgement(Quality.Verdict.RESCAN, found, adjustments=changed)
    with transaction.atomic():
        settled = settle(attempt=attempt, judged=judged)
        Quality.objects.filter(attempt=attempt).update(missing_fields=missing)
    return settled


def _queue_again(attempt: Attempt, judged: Judgement, note: str) -> None:
    """A further try with other parameters, at the end of the same night."""
    advance(slide=attempt.slide, to=State.READY, note=f"scanned again: {note}")
    queued = queue_attempt(slot=attempt.slot, night=attempt.night)
    Attempt.objects.filter(pk=queued.pk).update(adjustments=judged.adjustments, order=last_place(queued) + 1)


def _as_row(judged: Judgement) -> dict[str, Any]:
    row: dict[str, Any] = {
        "verdict": judged.verdict,
        "findings": [asdict(finding) for finding in judged.found],
        "seconds": judged.seconds,
        "focus": 0.0,
    }
    measures = judged.measures
    if measures is None:
        return row
    return row | {
        "focus": measures.focus,
        "blurred_share": measures.blurred(Limits.of_settings().sharp),
        "saturated_share": max(measures.saturated, default=0.0),
        "outside_share": measures.outside or 0.0,
        "residual_um": measures.seam_um,
        "missing_fields": measures.missing,
        "scores": [[place.r, place.c, round(place.score, 3), place.index] for place in measures.places],
    }


@transaction.atomic
def accept_scan(*, quality: Quality, actor: Actor, note: str = "") -> None:
    """A person takes this scan as it is: it becomes the slide's current one and goes on to be cleaned.

    Raises Conflict when the slide does not wait for a verdict (any more), or this attempt left no file.
    """
    slide = quality.attempt.slide
    if slide.state != State.QUALITY:
        raise Conflict(f"Slide {slide.barcode} does not wait for a verdict.", state=slide.state)
    file = VirtualSlide.objects.filter(slide=slide, attempt=quality.attempt.number).first()
    if file is None:
        raise Conflict(f"Attempt {quality.attempt.number} left no file.")
    advance(
        slide=slide, to=State.SCANNED, actor=actor, note=f"attempt {quality.attempt.number} accepted. {note}"
    )
    VirtualSlide.objects.filter(slide=slide, current=True).exclude(pk=file.pk).update(current=False)
    VirtualSlide.objects.filter(pk=file.pk).update(current=True)
    _decided(quality, Quality.Verdict.ACCEPTED, actor, note)
    Attempt.objects.filter(pk=quality.attempt_id).update(state=Attempt.State.DONE, reason="")
    for other in Quality.objects.filter(attempt__slide=slide, verdict=Quality.Verdict.DOUBTFUL):
        _decided(other, Quality.Verdict.REFUSED, actor, f"attempt {quality.attempt.number} was taken instead")


@transaction.atomic
def refuse_scan(*, quality: Quality, reason: str, actor: Actor, note: str = "") -> None:
    """A person refuses this scan with a word of the vocabulary: the slide fails and waits for a rescan."""
    if reason not in OF_THE_GLASS:
        choices = [str(one) for one in OF_THE_GLASS]
        raise BadInput("Say why: choose a reason from the list.", field="reason", choices=choices)
    advance(slide=quality.attempt.slide, to=State.FAILED, actor=actor, reason=reason, note=note)
    _decided(quality, Quality.Verdict.REFUSED, actor, note)
    Attempt.objects.filter(pk=quality.attempt_id).update(
        state=Attempt.State.FAILED, reason=reason, message=(note or FailureReason(reason).label)[:500]
    )


def _decided(quality: Quality, verdict: Quality.Verdict, actor: Actor, note: str) -> None:
    open_ones = [Quality.Verdict.DOUBTFUL, Quality.Verdict.RESCAN]
    changed = Quality.objects.filter(pk=quality.pk, verdict__in=open_ones).update(
        verdict=verdict, decided_by=audit.name_of(actor), decided_at=timezone.now(), note=note[:500]
    )
    if not changed:
        raise Conflict("Somebody else has decided already.")
