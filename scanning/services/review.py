"""The focus review: safe slides in bulk, doubtful ones by a person who moves points and the scan area on
the picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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
from scanning.models import FocusPoint, Snapshot
from scanning.services.nights import queue_attempt

FEWEST_POINTS = 3
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
    _check(snapshot, review)
    changed = Snapshot.objects.filter(pk=snapshot.pk, version=review.version, accepted_at=None).update(
        area_x_um=review.area.x_um,
        area_y_um=review.area.y_um,
        area_width_um=review.area.width_um,
        area_height_um=review.area.height_um,
        version=F("version") + 1,
        review_seconds=F("review_seconds") + min(max(review.seconds, 0.0), LONGEST_REVIEW_S),
    )
    if not changed:
        raise Conflict("This snapshot was changed or accepted by someone else; load it again.")
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
    count = snapshot.points.count()
    if count < FEWEST_POINTS:
        raise BadInput(
            f"{count} focus points are too few: at least {FEWEST_POINTS}, not on one line.", field="points"
        )
    if snapshot.area_width_um <= 0:
        raise BadInput("There is no scan area yet: draw one.", field="area")
    advance(slide=snapshot.slide, to=State.READY, actor=actor, note=f"{count} focus points")
    Snapshot.objects.filter(pk=snapshot.pk).update(
        accepted_by=audit.name_of(actor), accepted_at=timezone.now()
    )
    batch = snapshot.slot.carousel.batch
    if batch.phase == Batch.Phase.NIGHT:
        queue_attempt(slot=snapshot.slot, night=batch.night_run)


def accept_safe(*, batch: Batch, actor: Actor) -> int:
    """Accept every slide of the batch whose snapshot is safe; the number accepted."""
    slides = queries.slides_of(batch).filter(state=State.SNAPPED)
    snapshots = Snapshot.objects.filter(slot__carousel__batch=batch, slide__in=slides).select_related(
        "slide", "slot__carousel__batch"
    )
    for snapshot in snapshots:
        accept(snapshot=snapshot, actor=actor)
    return len(snapshots)


def doubtful(batch: Batch) -> list[Snapshot]:
    """The snapshots that wait for a person, worst first."""
    return list(
        Snapshot.objects.filter(slot__carousel__batch=batch, slide__state=State.REVIEW)
        .select_related("slide", "slot__carousel__batch")
        .order_by("-risk", "id")
    )
