"""The focus review: safe slides in bulk, doubtful ones by a person who moves points and the scan area on
the picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core import audit
from core.errors import BadInput, Conflict
from lims import queries
from lims.models import Batch
from lims.services import Actor, advance
from lims.states import State
from microscope import Rect
from scanning.boards import OPEN
from scanning.models import Attempt, FocusPoint, Snapshot
from scanning.services.nights import join

log = structlog.get_logger(__name__)
FEWEST_POINTS = 3
NARROWEST_UM = 20.0
MOST_POINTS = 64
LONGEST_REVIEW_S = 3600.0


@dataclass(frozen=True)
class Review:
    """What a technician leaves behind on a snapshot: the scan area and the focus points (stage µm), as last
    seen.
    """

    area: Rect
    points: Sequence[tuple[float, float]]
    version: int
    seconds: float = 0.0


@transaction.atomic
def save_review(*, snapshot: Snapshot, review: Review, actor: Actor) -> Snapshot:
    """Keep edited points and area. Raises BadInput for what cannot be scanned, Conflict when someone else
    saved first.
    """
    _check_newest(snapshot)
    _check(snapshot, review)
    changed = Snapshot.objects.filter(pk=snapshot.pk, version=review.version, accepted_at=None).update(
        area_x_um=review.area.x_um,
        area_y_um=review.area.y_um,
        area_width_um=review.area.width_um,
        area_height_um=review.area.height_um,
        version=F("version") + 1,
    )
    if not changed:
        raise Conflict("This snapshot was changed or accepted by someone else; load it again.")
    _add_time(snapshot, review.seconds)
    automatic = {
        (round(p.x_um, 1), round(p.y_um, 1))
        for p in snapshot.points.filter(source=FocusPoint.Source.AUTOMATIC)
    }
    snapshot.points.all().delete()
    FocusPoint.objects.bulk_create(
        FocusPoint(
            snapshot=snapshot,
            x_um=x,
            y_um=y,
            source=FocusPoint.Source.AUTOMATIC
            if (round(x, 1), round(y, 1)) in automatic
            else FocusPoint.Source.PERSON,
        )
        for x, y in review.points
    )
    audit.record(
        actor=actor,
        action="snapshot.edit",
        target=f"slide:{snapshot.slide.barcode}",
        points=len(review.points),
    )
    snapshot.refresh_from_db()
    return snapshot


def _check(snapshot: Snapshot, review: Review) -> None:
    left, top = snapshot.origin_x_um, snapshot.origin_y_um
    right, bottom = left + snapshot.width * snapshot.um_per_px, top + snapshot.height * snapshot.um_per_px
    area = review.area
    slack = snapshot.um_per_px  # the page rounds to a tenth of a µm, people to a pixel
    inside = left - slack <= area.x_um and top - slack <= area.y_um
    inside = (
        inside and area.x_um + area.width_um <= right + slack and area.y_um + area.height_um <= bottom + slack
    )
    if not (inside and area.width_um > 0 and area.height_um > 0):
        raise BadInput("The scan area must lie on the picture.", field="area")
    if len(review.points) > MOST_POINTS:
        raise BadInput(f"At most {MOST_POINTS} focus points.", field="points")
    if not all(
        left - slack <= x <= right + slack and top - slack <= y <= bottom + slack for x, y in review.points
    ):
        raise BadInput("A focus point lies outside the picture.", field="points")


@transaction.atomic
def accept(*, snapshot: Snapshot, actor: Actor) -> None:
    """The slide may be scanned as the snapshot says."""
    _check_newest(snapshot)
    places = list(snapshot.points.values_list("x_um", "y_um"))
    count = len(places)
    if count < FEWEST_POINTS:
        raise BadInput(f"{count} focus points are too few: at least {FEWEST_POINTS}.", field="points")
    if width_um(places) < NARROWEST_UM:
        raise BadInput("The focus points lie on one line: put one beside it.", field="points")
    if snapshot.area_width_um <= 0:
        raise BadInput("There is no scan area yet: draw one.", field="area")
    advance(slide=snapshot.slide, to=State.READY, actor=actor, note=f"{count} focus points")
    Snapshot.objects.filter(pk=snapshot.pk).update(
        accepted_by=audit.name_of(actor), accepted_at=timezone.now()
    )
    join(slot=snapshot.slot, actor=actor)


@transaction.atomic
def refuse(*, snapshot: Snapshot, reason: str, note: str = "", seconds: float = 0.0, actor: Actor) -> None:
    """This glass cannot be scanned as it is: it fails now, known before the night."""
    advance(slide=snapshot.slide, to=State.FAILED, actor=actor, reason=reason, note=note)
    _add_time(snapshot, seconds)


@transaction.atomic
def reopen(*, snapshot: Snapshot, actor: Actor) -> None:
    """Take an acceptance back. Raises Conflict once the slide waits for its scan in a running night."""
    _check_newest(snapshot)
    if Attempt.objects.filter(slide=snapshot.slide, state__in=OPEN).exists():
        raise Conflict(f"{snapshot.slide} is in the night's queue already: stop its scan there.")
    advance(slide=snapshot.slide, to=State.REVIEW, actor=actor)
    Snapshot.objects.filter(pk=snapshot.pk).update(accepted_by="", accepted_at=None)


def _add_time(snapshot: Snapshot, seconds: float) -> None:
    """A person's time, as far as it can be true."""
    worth = min(max(seconds, 0.0), LONGEST_REVIEW_S) if math.isfinite(seconds) else 0.0
    Snapshot.objects.filter(pk=snapshot.pk).update(review_seconds=F("review_seconds") + worth)


def _check_newest(snapshot: Snapshot) -> None:
    if Snapshot.objects.filter(slide=snapshot.slide_id, pk__gt=snapshot.pk).exists():
        raise Conflict("There is a newer photograph of this slide: look at that one.")


def width_um(places: Sequence[tuple[float, float]]) -> float:
    """How far the places spread across the line that fits them best (µm): 0 when they lie on one line."""
    apart = np.array(places, np.float64) - np.mean(places, axis=0)
    along = np.linalg.svd(apart)[2][0]
    return float(np.ptp(apart @ np.array([-along[1], along[0]])))


def accept_safe(*, batch: Batch, actor: Actor) -> int:
    """Accept every slide of the batch whose snapshot is safe; the number accepted."""
    slides = queries.slides_of(batch).filter(state=State.SNAPPED)
    snapshots = Snapshot.objects.filter(slot__carousel__batch=batch, slide__in=slides).select_related(
        "slide", "slot__carousel__batch"
    )
    accepted = 0
    for snapshot in snapshots:
        try:
            accept(snapshot=snapshot, actor=actor)
        except (Conflict, BadInput) as error:  # moved or changed meanwhile: it stays, the others go on
            log.info("not_accepted", slide=snapshot.slide.barcode, why=error.message)
        else:
            accepted += 1
    return accepted


def doubtful(batch: Batch) -> list[Snapshot]:
    """The snapshots that wait for a person, worst first."""
    return list(
        Snapshot.objects.filter(slot__carousel__batch=batch, slide__state=State.REVIEW)
        .select_related("slide", "slot__carousel__batch")
        .order_by("-risk", "id")
    )
