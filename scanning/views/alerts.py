"""What a person should know now, and what there was."""

from collections.abc import Sequence

from django.core.paginator import Paginator
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from core.roles import role_required
from scanning import queries, services
from scanning.guards import LOOKERS
from scanning.models import Alert
from scanning.views.person import person


@role_required(*LOOKERS)
@require_GET
def alerts(request: HttpRequest) -> HttpResponse:
    """Those that are open first, then the latest."""
    found = Alert.objects.order_by(F("cleared_at").desc(nulls_first=True), "-raised_at")
    page = Paginator(found, 50).get_page(request.GET.get("page"))
    return render(request, "scanning/alerts.html", {"page": page})


@role_required(*LOOKERS)
@require_GET
def alert_strip(request: HttpRequest) -> HttpResponse:
    """The line below the menu of every page: the most urgent of what is open and nobody has seen yet. Nothing
    is said where that is on the page already: a screen reader would say it again.
    """
    found = queries.unseen_alerts()
    if request.GET.get("shown") == _mark(found):
        return HttpResponse(status=204)
    return _strip(request, found)


@role_required(*LOOKERS)
@require_POST
def alert_see(request: HttpRequest, alert_id: int) -> HttpResponseBase:
    services.see(alert=get_object_or_404(Alert, pk=alert_id), actor=person(request))
    if not getattr(request, "htmx", False):
        return redirect("scanning:alerts")
    return _strip(request, queries.unseen_alerts())


def _mark(found: Sequence[Alert]) -> str:
    """What the line shows, in short."""
    return "-".join(str(alert.pk) for alert in found)


def _strip(request: HttpRequest, found: Sequence[Alert]) -> HttpResponse:
    context = {"alerts": found, "others": len(found) - 1, "mark": _mark(found)}
    return render(request, "scanning/alert_strip.html", context)
