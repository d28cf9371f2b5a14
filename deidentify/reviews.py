"""Two people look at a clean report: the list of those that wait, and one beside the text with the names."""

from collections.abc import Callable
from typing import Any, cast

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from core.errors import BadInput
from core.models import User
from core.roles import role_required
from deidentify import queries, reviewing
from deidentify.asked import whole_number
from deidentify.errors import ReviewStale
from deidentify.models import DeidentifiedReport, ReportReview
from deidentify.reports.deciding import KINDS
from deidentify.sheets import sheet
from deidentify.views import STEWARDS

PER_PAGE = 50
STATES = [("new", "New"), *ReportReview.State.choices]


@role_required(*STEWARDS)
@require_GET
def worklist(request: HttpRequest) -> HttpResponse:
    state = request.GET.get("state", "")
    state = state if state in dict(STATES) else ""
    page = Paginator(queries.to_review(state=state), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "deidentify/reviews.html", {"page": page, "state": state, "states": STATES})


@role_required(*STEWARDS)
@require_GET
def review(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(DeidentifiedReport.objects.select_related("case__patient"), pk=pk)
    return _page(request, reviewing.open_review(row=row, actor=cast(User, request.user)))


@role_required(*STEWARDS)
@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    reviews = ReportReview.objects.select_related("report__case__patient")
    opened = get_object_or_404(reviews, report_id=pk)
    deed = DEEDS.get(request.POST.get("deed", ""))
    if deed is None:
        raise BadInput(f"A step of a review is one of {', '.join(DEEDS)}.")
    deed(request, review=opened, version=whole_number(request, "version"), actor=cast(User, request.user))
    if request.headers.get("HX-Request"):
        return _page(request, opened)
    return redirect("deidentify:review", pk=pk)


def _page(request: HttpRequest, opened: ReportReview) -> HttpResponse:
    found, policy = reviewing.found_in_report(opened.report)
    try:
        seen = sheet(opened, found, policy)
    except ReviewStale:  # signed, and the rules are others since: what was signed stands
        seen = None
    context = {
        "row": opened.report,
        "review": opened,
        "sheet": seen,
        "kinds": KINDS,
        "mine": opened.reviewed_by == request.user,
    }
    name = "deidentify/_review.html" if request.headers.get("HX-Request") else "deidentify/review.html"
    return render(request, name, context)


def _place(request: HttpRequest) -> dict[str, Any]:
    return {"start": whole_number(request, "start"), "end": whole_number(request, "end")}


def _accept(request: HttpRequest, **known: Any) -> None:
    reviewing.accept(**_place(request), alike="alike" in request.POST, **known)


def _remove(request: HttpRequest, **known: Any) -> None:
    reviewing.remove(**_place(request), alike="alike" in request.POST, **known)


def _undo(request: HttpRequest, **known: Any) -> None:
    reviewing.undo(**_place(request), **known)


def _add(request: HttpRequest, **known: Any) -> None:
    """A place that was marked on the page; words, where there are no scripts."""
    kind = request.POST.get("kind", "")
    if words := request.POST.get("words", ""):
        reviewing.add_words(words=words, kind=kind, **known)
    else:
        reviewing.add(**_place(request), kind=kind, **known)


def _rest(request: HttpRequest, **known: Any) -> None:
    reviewing.accept_rest(**known)


def _finish(request: HttpRequest, **known: Any) -> None:
    reviewing.finish(**known)


def _return(request: HttpRequest, **known: Any) -> None:
    reviewing.give_back(reason=request.POST.get("reason", ""), **known)


def _sign(request: HttpRequest, **known: Any) -> None:
    reviewing.sign(**known)


DEEDS: dict[str, Callable[..., None]] = {
    "accept": _accept,
    "remove": _remove,
    "undo": _undo,
    "add": _add,
    "rest": _rest,
    "finish": _finish,
    "return": _return,
    "sign": _sign,
}
