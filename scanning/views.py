"""The pages of the scanner room: the night, the focus review, the morning, the scanners."""

import json
from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from core import audit
from core.errors import BadInput, NotFound
from core.files import FileDownload
from core.models import User
from core.roles import role_required
from lims import queries as record
from lims.models import Batch
from lims.services import advance
from lims.states import FailureReason, State
from scanning import queries, services
from scanning.clients import scanner_client, scanners
from scanning.events import beats
from scanning.forms import ReviewForm, StartSnapshots
from scanning.guards import HANDS, LOOKERS
from scanning.models import ImportedFile, Night, Scanner, Snapshot
from scanning.services.snapshots import SAFE_BELOW
from wire import WireError

LIVE = frozenset({Batch.Phase.SNAPSHOTS, Batch.Phase.REVIEW, Batch.Phase.NIGHT})


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)


@role_required(*LOOKERS)
@require_GET
def night(request: HttpRequest, batch_id: int) -> HttpResponse:
    """The night as it happens; the live part is fetched again whenever something has changed."""
    batch = get_object_or_404(Batch, pk=batch_id)
    template = "scanning/night_live.html" if request.GET.get("part") == "live" else "scanning/night.html"
    found = queries.progress(batch)
    problems = record.preflight(batch) if batch.phase == Batch.Phase.LOADING else []
    context = {
        "batch": batch,
        "night": Night.objects.select_related("scanner").filter(batch=batch).first(),
        "progress": found,
        "expected_end": queries.expected_end(found),
        "board": record.board(batch),
        "stages": queries.stages(batch),
        "problems": problems,
        "blocked": any(problem.blocking for problem in problems),
        "scanners": scanners(),
        "live": batch.phase in LIVE,
    }
    return render(request, template, context)


@role_required(*LOOKERS)
@require_GET
def night_events(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    """Server-sent events: one whenever the night's page would look different."""
    get_object_or_404(Batch, pk=batch_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(beats(batch_id), content_type="text/event-stream", headers=headers)


@role_required(*HANDS)
@require_POST
def start_snapshots(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    batch = get_object_or_404(Batch, pk=batch_id)
    scanners()
    form = StartSnapshots(request.POST)
    if not form.is_valid():
        raise BadInput("Choose a scanner.", fields=form.errors)
    services.start_snapshots(batch=batch, scanner=form.cleaned_data["scanner"], actor=_person(request))
    return redirect("scanning:night", batch.pk)


@role_required(*HANDS)
@require_POST
def accept_safe(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    batch = get_object_or_404(Batch, pk=batch_id)
    count = services.accept_safe(batch=batch, actor=_person(request))
    messages.success(request, f"{count} safe slides accepted.")
    waiting = services.doubtful(batch)
    return redirect("scanning:review", waiting[0].pk) if waiting else redirect("scanning:night", batch.pk)


@role_required(*HANDS)
@require_POST
def start_night(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    batch = get_object_or_404(Batch, pk=batch_id)
    services.start_night(batch=batch, actor=_person(request))
    return redirect("scanning:night", batch.pk)


@role_required(*HANDS)
@require_POST
def pause(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    night = get_object_or_404(Night.objects.select_related("batch", "scanner"), batch_id=batch_id)
    services.set_paused(night=night, paused=not night.paused, actor=_person(request))
    return redirect("scanning:night", batch_id)


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
    following = next((other for other in waiting if other.pk != snapshot.pk), None)
    audit.record(actor=_person(request), action="snapshot.look", target=f"slide:{snapshot.slide.barcode}")
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
        "open": snapshot.slide.state in {State.REVIEW, State.SNAPPED},
        "reasons": FailureReason.choices,
    }
    return render(request, "scanning/review.html", context)


@role_required(*HANDS)
@require_POST
def review_save(request: HttpRequest, snapshot_id: int) -> HttpResponseBase:
    """Keep the edits; with `accept`, accept them and go on to the next doubtful slide."""
    snapshot = get_object_or_404(
        Snapshot.objects.select_related("slide", "slot__carousel__batch"), pk=snapshot_id
    )
    form = ReviewForm(request.POST)
    if not form.is_valid():
        raise BadInput("; ".join(str(text) for texts in form.errors.values() for text in texts))
    snapshot = services.save_review(snapshot=snapshot, review=form.review(), actor=_person(request))
    if "accept" not in request.POST:
        messages.success(request, "Saved.")
        return redirect("scanning:review", snapshot.pk)
    services.accept(snapshot=snapshot, actor=_person(request))
    return _onwards(request, snapshot.slot.carousel.batch)


@role_required(*HANDS)
@require_POST
def review_refuse(request: HttpRequest, snapshot_id: int) -> HttpResponseBase:
    """This glass cannot be scanned as it is: it fails now, known before the night."""
    snapshot = get_object_or_404(
        Snapshot.objects.select_related("slide", "slot__carousel__batch"), pk=snapshot_id
    )
    reason = request.POST.get("reason", FailureReason.NO_FOCUS_POINTS)
    note = request.POST.get("note", "")
    advance(slide=snapshot.slide, to=State.FAILED, actor=_person(request), reason=reason, note=note)
    return _onwards(request, snapshot.slot.carousel.batch)


def _onwards(request: HttpRequest, batch: Batch) -> HttpResponseBase:
    waiting = services.doubtful(batch)
    if waiting:
        return redirect("scanning:review", waiting[0].pk)
    messages.success(request, "Every doubtful slide has been looked at.")
    return redirect("scanning:night", batch.pk)


@role_required(*LOOKERS)
@require_GET
def picture(request: HttpRequest, snapshot_id: int, which: str) -> HttpResponseBase:
    """The macro or the label photograph. The label names the patient: looking at it is an audit row."""
    snapshot = get_object_or_404(Snapshot.objects.select_related("slide"), pk=snapshot_id)
    if which == "label":
        audit.record(actor=_person(request), action="label.look", target=f"slide:{snapshot.slide.barcode}")
    file = snapshot.label_file if which == "label" else snapshot.macro_file
    if not file.is_file():
        raise NotFound("The photograph is no longer where it was kept.")
    kind = "image/png" if which == "label" else "image/jpeg"
    return FileDownload(
        file.open("rb"), content_type=kind, headers={"Cache-Control": "private, max-age=3600"}
    )


@role_required(*LOOKERS)
@require_GET
def morning(request: HttpRequest, batch_id: int) -> HttpResponse:
    """What became of the night: failures by cause, each with its picture, and one click to the rescan."""
    batch = get_object_or_404(Batch, pk=batch_id)
    context = {
        "batch": batch,
        "causes": queries.failures(batch),
        "progress": queries.progress(batch),
        "board": record.board(batch),
        "stages": queries.stages(batch),
        "rescans": batch.rescans.all(),
    }
    return render(request, "scanning/morning.html", context)


@role_required(*LOOKERS)
@require_GET
def scanner_list(request: HttpRequest) -> HttpResponse:
    found = [(scanner, *_asked(scanner)) for scanner in scanners()]
    return render(request, "scanning/scanners.html", {"scanners": found, "nights": queries.current_nights()})


def _asked(scanner: Scanner) -> tuple[object, object, str]:
    """(info, status, what went wrong) of a scanner, asked now."""
    try:
        with scanner_client(scanner.name) as client:
            return client.describe(), client.status(), ""
    except WireError as error:
        return None, None, str(error)


@role_required(*HANDS)
@require_POST
def scanner_lock(request: HttpRequest, name: str) -> HttpResponseBase:
    """Take the instrument, with a reason; or give it back."""
    scanner = get_object_or_404(Scanner, name=name)
    if scanner.locked_by:
        services.unlock(scanner=scanner, actor=_person(request))
    else:
        reason = request.POST.get("reason", "").strip()
        if not reason:
            raise BadInput("Say why you take the scanner.", field="reason")
        services.lock(scanner=scanner, reason=reason, actor=_person(request))
    return redirect("scanning:scanners")


@role_required(*LOOKERS)
@require_GET
def imports(request: HttpRequest) -> HttpResponse:
    """Vendor files as they were found; the unmatched wait for a person."""
    files = ImportedFile.objects.select_related("slide")
    waiting = files.filter(state=ImportedFile.State.UNMATCHED)
    others = files.exclude(state=ImportedFile.State.UNMATCHED)[:200]
    return render(request, "scanning/imports.html", {"waiting": waiting, "others": others})


@role_required(*HANDS)
@require_POST
def import_match(request: HttpRequest, file_id: int) -> HttpResponseBase:
    found = get_object_or_404(ImportedFile, pk=file_id, state=ImportedFile.State.UNMATCHED)
    row = services.match_by_hand(found=found, barcode=request.POST.get("barcode", ""), actor=_person(request))
    messages.success(request, f"{found.name} is slide {row.slide.barcode}.")
    return redirect("scanning:imports")
