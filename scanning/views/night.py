"""The night as it happens, and its controls."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from core.errors import BadInput
from core.roles import has_role, role_required
from lims import queries as record
from lims.models import Batch
from scanning import services
from scanning.boards import places, rows
from scanning.clients import scanners
from scanning.events import beats
from scanning.forms import StartSnapshots
from scanning.guards import HANDS, LOOKERS
from scanning.sights import about
from scanning.views.person import person

LIVE = frozenset({Batch.Phase.SNAPSHOTS, Batch.Phase.REVIEW, Batch.Phase.NIGHT})


@role_required(*LOOKERS)
@require_GET
def night(request: HttpRequest, batch_id: int) -> HttpResponse:
    """The night as it happens. Its stream of events brings the parts that have changed; the whole live part
    is fetched when the night enters another phase.
    """
    batch = get_object_or_404(Batch, pk=batch_id)
    template = "scanning/night_live.html" if request.GET.get("part") == "live" else "scanning/night.html"
    problems = record.preflight(batch) if batch.phase == Batch.Phase.LOADING else []
    context = about(batch) | {
        "board": rows(places(batch)),
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
    said = beats(batch_id, may=has_role(request.user, *HANDS))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(said, content_type="text/event-stream", headers=headers)


@role_required(*HANDS)
@require_POST
def start_snapshots(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    batch = get_object_or_404(Batch, pk=batch_id)
    scanners()
    form = StartSnapshots(request.POST)
    if not form.is_valid():
        raise BadInput("Choose a scanner.", fields=form.errors)
    services.start_snapshots(batch=batch, scanner=form.cleaned_data["scanner"], actor=person(request))
    return redirect("scanning:night", batch.pk)


@role_required(*HANDS)
@require_POST
def accept_safe(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    batch = get_object_or_404(Batch, pk=batch_id)
    count = services.accept_safe(batch=batch, actor=person(request))
    messages.success(request, f"{count} safe slides accepted.")
    waiting = services.doubtful(batch)
    return redirect("scanning:review", waiting[0].pk) if waiting else redirect("scanning:night", batch.pk)


@role_required(*HANDS)
@require_POST
def start_night(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    batch = get_object_or_404(Batch, pk=batch_id)
    services.start_night(batch=batch, actor=person(request))
    return redirect("scanning:night", batch.pk)
