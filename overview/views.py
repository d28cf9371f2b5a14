"""Home, the managers' figures, and the slide passport."""

from typing import cast

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from core import audit
from core.errors import BadInput, NotFound
from core.models import User
from core.roles import EVERYONE, Role, role_required, roles_of
from lims.guards import RECORD
from lims.models import Slide
from lims.states import FailureReason, State
from overview import reports
from overview.home import sections
from overview.passport import passport_of, slide_of
from overview.tables import TABLES
from scanning.models import Night

RANGES = (("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("", "All time"))
FIGURES = (Role.MANAGER, Role.ADMINISTRATOR)


@require_GET
@role_required(*EVERYONE)
def home(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    return render(request, "overview/home.html", {"sections": sections(user, roles_of(user))})


def _days(request: HttpRequest) -> int | None:
    text = request.GET.get("days", "30")
    if text and (not text.isascii() or not text.isdigit() or not 0 < int(text[:6]) <= 36_500):
        raise BadInput("`days` is a whole number of days.", field="days")
    return int(text) if text else None


@require_GET
@role_required(*FIGURES)
def figures(request: HttpRequest) -> HttpResponse:
    days = _days(request)
    after = reports.since(days)
    context = {
        "days": str(days or ""),
        "ranges": RANGES,
        "yield": reports.first_pass_yield(after),
        "tables": [make(after) for make in TABLES.values()],
    }
    return render(request, "overview/figures.html", context)


@require_GET
@role_required(*FIGURES)
def table(request: HttpRequest, name: str) -> HttpResponse:
    if name not in TABLES:
        raise NotFound("There is no such table.")
    text = TABLES[name](reports.since(_days(request))).as_csv()
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


@require_GET
@role_required(*FIGURES)
def behind(request: HttpRequest) -> HttpResponse:
    """The slides behind one bar of a chart."""
    title, slides = _chosen(request)
    chosen = slides.select_related("block__specimen__case").order_by("barcode").distinct()
    page = Paginator(chosen, 50).get_page(request.GET.get("page"))
    return render(request, "overview/behind.html", {"title": title, "page": page})


def _chosen(request: HttpRequest) -> tuple[str, QuerySet[Slide]]:
    reason, state, night = (request.GET.get(key, "") for key in ("reason", "state", "night"))
    if reason in FailureReason.values:
        reasons = [reason, ""] if reason == FailureReason.OTHER else [reason]
        found = Slide.objects.filter(events__target=State.FAILED, events__reason__in=reasons)
        return f"Failed: {FailureReason(reason).label.lower()}", found
    if state in State.values:
        return State(state).label, Slide.objects.filter(state=state)
    chosen = Night.objects.select_related("batch").filter(pk=int(night)).first() if night.isdigit() else None
    if chosen is None:
        raise NotFound("Say which slides: by reason, state or night.")
    return chosen.batch.name, Slide.objects.filter(attempts__night=chosen)


@require_GET
@role_required(*RECORD)
def passport(request: HttpRequest, barcode: str) -> HttpResponse:
    slide = slide_of(barcode)
    audit.record(actor=request.user, action="passport.look", target=f"slide:{slide.barcode}")
    return render(request, "overview/passport.html", {"slide": slide, "story": passport_of(slide)})
