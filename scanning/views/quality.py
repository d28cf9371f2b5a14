"""Quality control: the scans that wait for a verdict, worst first, and one to decide on."""

from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from core import audit
from core.errors import NotFound
from core.roles import role_required
from lims.states import OF_THE_GLASS, State
from scanning import queries, services
from scanning.guards import HANDS, LOOKERS
from scanning.heat import HeatMap, busiest_corner, heat_map
from scanning.models import Quality
from scanning.verdicts import Limits
from scanning.views.person import person
from viewer.models import VirtualSlide
from viewer.readers import open_slides
from vslide.display import as_rgb, to_jpeg
from vslide.readers.base import MosaicReader

OVERVIEW_PX = 1400
CROP_PX = 320
CACHED = {"Cache-Control": "private, max-age=3600"}


@role_required(*LOOKERS)
@require_GET
def qualities(request: HttpRequest) -> HttpResponse:
    """What waits for a verdict, and what was decided last."""
    waiting = queries.waiting_for_verdict()
    decided = _rows().exclude(decided_at=None).order_by("-decided_at")[:20]
    again = _rows().filter(verdict=Quality.Verdict.RESCAN).order_by("-measured_at")[:20]
    context = {"waiting": waiting, "decided": decided, "again": again, "limits": Limits.of_settings()}
    return render(request, "scanning/qualities.html", context)


@role_required(*LOOKERS)
@require_GET
def quality(request: HttpRequest, quality_id: int) -> HttpResponse:
    """One scan: its findings, where it is blurred, its worst fields, and the attempts beside it."""
    found = get_object_or_404(_rows(), pk=quality_id)
    slide = found.attempt.slide
    audit.record(actor=person(request), action="quality.look", target=f"slide:{slide.barcode}")
    waiting = queries.waiting_for_verdict()
    context = {
        "quality": found,
        "slide": slide,
        "batch": found.attempt.night.batch,
        "map": _map(found),
        "attempts": queries.attempts_of(slide).select_related("quality"),
        "waiting": waiting,
        "following": next((other for other in waiting if other.attempt.slide_id != slide.pk), None),
        "open": slide.state == State.QUALITY and _file(found) is not None,
        "reasons": [(number % 10, reason) for number, reason in enumerate(OF_THE_GLASS, start=1)],
        "limits": Limits.of_settings(),
    }
    return render(request, "scanning/quality.html", context)


@role_required(*HANDS)
@require_POST
def quality_accept(request: HttpRequest, quality_id: int) -> HttpResponseBase:
    """The scan is good enough: it goes on to be cleaned."""
    found = get_object_or_404(_rows(), pk=quality_id)
    services.accept_scan(quality=found, actor=person(request), note=request.POST.get("note", ""))
    return _onwards(request, f"{found.attempt.slide.barcode} accepted.")


@role_required(*HANDS)
@require_POST
def quality_refuse(request: HttpRequest, quality_id: int) -> HttpResponseBase:
    """The scan is refused with a reason; the slide waits for a rescan."""
    found = get_object_or_404(_rows(), pk=quality_id)
    reason, note = request.POST.get("reason", ""), request.POST.get("note", "")
    services.refuse_scan(quality=found, reason=reason, actor=person(request), note=note)
    return _onwards(request, f"{found.attempt.slide.barcode} refused.")


@role_required(*LOOKERS)
@require_GET
def quality_overview(request: HttpRequest, quality_id: int) -> HttpResponse:
    """The whole mosaic as one picture."""
    with open_slides.lease(*_source(quality_id)) as slide:
        picture = to_jpeg(as_rgb(slide.thumbnail(OVERVIEW_PX), slide.channels))
    return HttpResponse(picture, content_type="image/jpeg", headers=CACHED)


@role_required(*LOOKERS)
@require_GET
def quality_field(request: HttpRequest, quality_id: int, index: int) -> HttpResponse:
    """Where one field shows most, pixel by pixel."""
    with open_slides.lease(*_source(quality_id)) as slide:
        if not isinstance(slide, MosaicReader) or index >= len(slide.fields):
            raise NotFound("There is no such field.")
        (tall, wide), key = slide.header.field_shape, slide.fields[index].key
        side = min(CROP_PX, tall, wide)
        pixels = slide.region(*busiest_corner(slide, index, side), side, side, z=key.z, t=key.t)
        picture = to_jpeg(as_rgb(pixels, slide.channels), full_colour=True)
    return HttpResponse(picture, content_type="image/jpeg", headers=CACHED)


def _onwards(request: HttpRequest, said: str) -> HttpResponseBase:
    """To the next scan that waits, or back to the list."""
    messages.success(request, said)
    waiting = queries.waiting_for_verdict()
    return redirect("scanning:quality", waiting[0].pk) if waiting else redirect("scanning:qualities")


def _rows() -> QuerySet[Quality]:
    return Quality.objects.select_related(
        "attempt__slide", "attempt__slot__carousel", "attempt__night__batch", "attempt__night__scanner"
    )


def _file(found: Quality) -> VirtualSlide | None:
    files = VirtualSlide.objects.filter(slide=found.attempt.slide_id, attempt=found.attempt.number)
    return next((file for file in files if file.file.is_file()), None)


def _source(quality_id: int) -> tuple[Path, str]:
    """The scan's file and its hash, as the open slides are kept by."""
    file = _file(get_object_or_404(_rows(), pk=quality_id))
    if file is None:
        raise NotFound("The file of this scan is no longer where it was kept.")
    return file.file, file.sha256


def _map(found: Quality) -> HeatMap | None:
    file = _file(found)
    if file is None:
        return None
    with open_slides.lease(file.file, file.sha256) as slide:
        return heat_map(found, slide, settings.QUALITY_SHARP)
