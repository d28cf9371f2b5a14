"""The page on which a steward covers regions of a slide: the slide itself, what is covered, and a form."""

from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from core import audit
from core.errors import Conflict
from core.models import User
from core.roles import role_required
from deidentify import covering
from deidentify.asked import whole_number
from deidentify.models import CoveredRegion, DeidentifiedSlide
from deidentify.views import STEWARDS
from viewer.queries import visible
from viewer.views import page_context

PLACE = ("left", "top", "width", "height")


@role_required(*STEWARDS)
@require_GET
def cover(request: HttpRequest, pk: int) -> HttpResponse:
    item = _item(pk)
    if _of_htmx(request):
        return _list(request, item)
    virtual = visible(user=request.user, uid=item.slide.uid)
    audit.record(actor=request.user, action="viewer.open", target=f"slide:{item.slide.uid}")
    shown = page_context(virtual, request.user) | {"annotations_url": "", "read_only": True}
    return render(request, "deidentify/cover.html", shown | _told(item))


@role_required(*STEWARDS)
@require_POST
def add(request: HttpRequest, pk: int) -> HttpResponse:
    item = _item(pk)
    place = {name: whole_number(request, name) for name in PLACE}
    reason = request.POST.get("reason", "")
    covering.cover(item=item, reason=reason, actor=cast(User, request.user), **place)
    return _answer(request, item)


@role_required(*STEWARDS)
@require_POST
def take_back(request: HttpRequest, pk: int, region: int) -> HttpResponse:
    item = _item(pk)
    row = get_object_or_404(item.regions.select_related("item__slide"), pk=region)
    covering.uncover(region=row, actor=cast(User, request.user))
    return _answer(request, item)


def _item(pk: int) -> DeidentifiedSlide:
    return get_object_or_404(DeidentifiedSlide.objects.select_related("slide"), pk=pk)


def _of_htmx(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers


def _answer(request: HttpRequest, item: DeidentifiedSlide) -> HttpResponse:
    if _of_htmx(request):
        return _list(request, _item(item.pk))
    return redirect("deidentify:cover", pk=item.pk)


def _list(request: HttpRequest, item: DeidentifiedSlide) -> HttpResponse:
    return render(request, "deidentify/_regions.html", _told(item))


def _told(item: DeidentifiedSlide) -> dict[str, Any]:
    rows = list(item.regions.select_related("drawn_by", "removed_by"))
    try:
        covering.scanned_file(item)
        closed = ""
    except Conflict as error:
        closed = error.message
    return {
        "row": item,
        "regions": [one for one in rows if one.removed_at is None],
        "taken_back": [one for one in rows if one.removed_at],
        "reasons": CoveredRegion.Reason.choices,
        "closed": closed,
    }
