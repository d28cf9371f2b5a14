"""The focus review: every snapshot of a batch, worst first, and one to work on."""

import json
from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from core import audit
from core.errors import BadInput, NotFound
from core.files import FileDownload
from core.roles import role_required
from lims.models import Batch
from lims.states import FailureReason, State
from microscope.focus import SAFE_BELOW
from scanning import services
from scanning.forms import RefuseForm, ReviewForm
from scanning.guards import HANDS, LOOKERS
from scanning.models import Snapshot
from scanning.views.person import person


@role_required(*LOOKERS)
@require_GET
def reviews(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Every snapshot of a batch, worst first: the doubtful ones wait for a person."""
    batch = get_object_or_404(Batch, pk=batch_id)
    found = Snapshot.objects.filter(slot__carousel__batch=batch).select_related("slide", "slot__carousel")
    waiting = services.doubtful(batch)
    snapshots = sorted(found.prefetch_related("points"), key=lambda one: one.slide.state != State.REVIEW)
    context = {"batch": batch, "snapshots": snapshots, "waiting": waiting, "safe_below": SAFE_BELOW}
    return render(request, "scanning/reviews.html", context)


@role_required(*LOOKERS)
@require_GET
def review(request: HttpRequest, snapshot_id: int) -> HttpResponse:
    """One snapshot: look, move points, accept, next."""
    snapshot = get_object_or_404(
        Snapshot.objects.select_related("slide", "slot__carousel__batch"), pk=snapshot_id
    )
    batch = snapshot.slot.carousel.batch
    waiting = services.doubtful(batch)
    following = _following(snapshot, waiting)
    audit.record(actor=person(request), action="snapshot.look", target=f"slide:{snapshot.slide.barcode}")
    points = list(snapshot.points.all())
    area = [snapshot.area_x_um, snapshot.area_y_um, snapshot.area_width_um, snapshot.area_height_um]
    context = {
        "snapshot": snapshot,
        "batch": batch,
        "points": [[point.x_um, point.y_um, point.source] for point in points],
        "area": area,
        "content": json.dumps({"area": area, "points": [[point.x_um, point.y_um] for point in points]}),
        "waiting": waiting,
        "following": following,
        "place": 1 + sum(_rank(other) < _rank(snapshot) for other in waiting),
        "before": _before(request, snapshot, waiting),
        "open": snapshot.slide.state in {State.REVIEW, State.SNAPPED},
        "accepted": snapshot.slide.state == State.READY,
        "reasons": FailureReason.choices,
    }
    return render(request, "scanning/review.html", context)


@role_required(*HANDS)
@require_POST
def review_save(request: HttpRequest, snapshot_id: int) -> HttpResponseBase:
    """Keep the edits and the profile; with `accept`, accept them and go on to the next doubtful slide."""
    snapshot = get_object_or_404(
        Snapshot.objects.select_related("slide", "slot__carousel__batch"), pk=snapshot_id
    )
    form = ReviewForm(request.POST)
    if not form.is_valid():
        raise BadInput("; ".join(str(text) for texts in form.errors.values() for text in texts))
    actor = person(request)
    snapshot = services.save_review(snapshot=snapshot, review=form.review(), actor=actor)
    if form.chooses(snapshot):
        services.choose_profile(snapshot=snapshot, profile=form.cleaned_data["profile"], actor=actor)
    if "accept" not in request.POST:
        messages.success(request, "Saved.")
        return redirect("scanning:review", snapshot.pk)
    services.accept(snapshot=snapshot, actor=actor)
    return _onwards(snapshot, request)


@role_required(*HANDS)
@require_POST
def review_refuse(request: HttpRequest, snapshot_id: int) -> HttpResponseBase:
    """This glass cannot be scanned as it is; on to the next."""
    snapshot = get_object_or_404(
        Snapshot.objects.select_related("slide", "slot__carousel__batch"), pk=snapshot_id
    )
    form = RefuseForm(request.POST)
    if not form.is_valid():
        raise BadInput("; ".join(str(text) for texts in form.errors.values() for text in texts))
    services.refuse(snapshot=snapshot, actor=person(request), **form.cleaned_data)
    return _onwards(snapshot, request)


@role_required(*HANDS)
@require_POST
def review_reopen(request: HttpRequest, snapshot_id: int) -> HttpResponseBase:
    """Accepted too soon: it waits for a person again."""
    snapshot = get_object_or_404(
        Snapshot.objects.select_related("slide", "slot__carousel__batch"), pk=snapshot_id
    )
    services.reopen(snapshot=snapshot, actor=person(request))
    return redirect("scanning:review", snapshot.pk)


def _rank(snapshot: Snapshot) -> tuple[float, int]:
    """The order of the review: the worst first."""
    return -snapshot.risk, snapshot.pk


def _following(snapshot: Snapshot, waiting: Sequence[Snapshot]) -> Snapshot | None:
    """The next that waits; after the last of them the first that was left."""
    others = [other for other in waiting if other.pk != snapshot.pk]
    return next((other for other in others if _rank(other) > _rank(snapshot)), others[0] if others else None)


def _before(request: HttpRequest, snapshot: Snapshot, waiting: Sequence[Snapshot]) -> Snapshot | None:
    """The one that this person has just come from, or the one before in the order."""
    came = request.GET.get("after", "")
    if came.isdecimal():
        batch = snapshot.slot.carousel.batch_id
        found = Snapshot.objects.select_related("slide").filter(pk=came, slot__carousel__batch=batch).first()
        if found is not None:
            return found
    return next((other for other in reversed(waiting) if _rank(other) < _rank(snapshot)), None)


def _onwards(snapshot: Snapshot, request: HttpRequest) -> HttpResponseBase:
    batch = snapshot.slot.carousel.batch
    following = _following(snapshot, services.doubtful(batch))
    if following is not None:
        return redirect(f"{reverse('scanning:review', args=[following.pk])}?after={snapshot.pk}")
    messages.success(request, "Every doubtful slide has been looked at.")
    return redirect("scanning:night", batch.pk)


@role_required(*LOOKERS)
@require_GET
def picture(request: HttpRequest, snapshot_id: int, which: str) -> HttpResponseBase:
    """The macro or the label photograph. The label names the patient: looking at it is an audit row."""
    snapshot = get_object_or_404(Snapshot.objects.select_related("slide"), pk=snapshot_id)
    if which == "label":
        audit.record(actor=person(request), action="label.look", target=f"slide:{snapshot.slide.barcode}")
    file = snapshot.label_file if which == "label" else snapshot.macro_file
    if not file.is_file():
        raise NotFound("The photograph is no longer where it was kept.")
    kind = "image/png" if which == "label" else "image/jpeg"
    return FileDownload(
        file.open("rb"), content_type=kind, headers={"Cache-Control": "private, max-age=3600"}
    )
