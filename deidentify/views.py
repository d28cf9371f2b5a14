"""What passed, what is in quarantine and why. Thin: queries in, pages out."""

import json
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from core import audit
from core.roles import EVERYONE, Role, has_role, role_required
from deidentify import queries, services
from deidentify.models import DeidentifiedReport, DeidentifiedSlide, State
from lims.guards import RECORD
from lims.models import Slide
from viewer.guards import require_view

STEWARDS = (Role.STEWARD, Role.ADMINISTRATOR)
PER_PAGE = 50


@role_required(*STEWARDS)
@require_GET
def items(request: HttpRequest) -> HttpResponse:
    state = request.GET.get("state", "")
    state = state if state in State.values else ""
    kind = "reports" if request.GET.get("kind") == "reports" else "slides"
    rows = queries.reports(state=state) if kind == "reports" else queries.slides(state=state)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "kind": kind,
        "state": state,
        "states": State.choices,
        "counts": queries.counts(),
    }
    return render(request, "deidentify/items.html", context)


@role_required(*STEWARDS)
@require_GET
def item(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    row = _find(kind, pk)
    certificate = json.dumps(row.certificate, indent=2)
    return render(request, "deidentify/item.html", {"row": row, "kind": kind, "certificate": certificate})


@role_required(*STEWARDS)
@require_POST
def again(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    services.try_again(row=_find(kind, pk), actor=request.user)
    messages.success(request, "It goes through once more.")
    return redirect("deidentify:item", kind=kind, pk=pk)


@role_required(*EVERYONE)
@require_GET
def report(request: HttpRequest, uid: UUID) -> HttpResponse:
    """The report of a slide's case, to be read beside the picture: without names, or with them (`?named`) for
    those who may know the person. A part of another page where htmx asks, else a page of its own.
    """
    slide = get_object_or_404(Slide.objects.select_related("block__specimen__case"), uid=uid)
    require_view(request.user, slide)
    may_name = has_role(request.user, *RECORD)
    named = may_name and "named" in request.GET
    if named:
        audit.record(actor=request.user, action="report.look", target=f"case:{slide.case.accession}")
    context = {
        "slide": slide,
        "told": queries.told_in_report(slide.case.pk, named=named),
        "named": named,
        "may_name": may_name,
        "part": "HX-Request" in request.headers,
    }
    return render(request, "deidentify/report.html", context)


def _find(kind: str, pk: int) -> DeidentifiedSlide | DeidentifiedReport:
    if kind == "slides":
        return get_object_or_404(DeidentifiedSlide.objects.select_related("slide"), pk=pk)
    if kind == "reports":
        return get_object_or_404(DeidentifiedReport.objects.select_related("case"), pk=pk)
    raise Http404
