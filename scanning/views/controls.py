"""The controls of a night that runs: pause, go on, stop the slide under the lens, change the order."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from core.errors import BadInput
from core.roles import has_role, role_required
from scanning import queries, services
from scanning.guards import HANDS, LOOKERS
from scanning.models import Attempt, Night
from scanning.views.person import person


def _night(batch_id: int) -> Night:
    return get_object_or_404(Night.objects.select_related("batch", "scanner"), batch_id=batch_id)


@role_required(*HANDS)
@require_POST
def pause(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    """Finish the slide under the lens and begin no other; with `at_once` the stage rests as well."""
    at_once = "at_once" in request.POST
    reason = request.POST.get("reason", "")
    services.pause(night=_night(batch_id), at_once=at_once, reason=reason, actor=person(request))
    return redirect("scanning:night", batch_id)


@role_required(*HANDS)
@require_POST
def resume(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    services.resume(night=_night(batch_id), actor=person(request))
    return redirect("scanning:night", batch_id)


@role_required(*HANDS)
@require_POST
def abort(request: HttpRequest, attempt_id: int) -> HttpResponseBase:
    """Stop the slide under the lens, with a reason: it fails, or comes again at the end."""
    attempt = get_object_or_404(Attempt.objects.select_related("slide", "night__scanner"), pk=attempt_id)
    fate, reason = request.POST.get("fate", ""), request.POST.get("reason", "")
    services.abort(attempt=attempt, fate=fate, reason=reason, actor=person(request))
    messages.success(request, f"{attempt.slide.barcode} stops after this field.")
    return redirect("scanning:night", attempt.night.batch_id)


@role_required(*LOOKERS)
@require_GET
def queue(request: HttpRequest, batch_id: int) -> HttpResponse:
    """The slides that wait, in their order, each with the time at which its turn comes."""
    night = _night(batch_id)
    part = request.GET.get("part") == "live"
    context = {
        "batch": night.batch,
        "night": night,
        "rows": queries.queue(night),
        "running": queries.under_the_lens(night),
        "may": has_role(request.user, *HANDS),
    }
    return render(request, "scanning/queue_live.html" if part else "scanning/queue.html", context)


@role_required(*HANDS)
@require_POST
def queue_move(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    """`move` is ATTEMPT:first, :up, :down or :last, for every button of the page belongs to one form."""
    number, _, to = request.POST.get("move", "").partition(":")
    if not (number.isascii() and number.isdigit()):
        raise BadInput("Say which slide is to move.", field="move")
    waiting = Attempt.objects.select_related("slide").filter(night__batch_id=batch_id)
    attempt = get_object_or_404(waiting, pk=int(number))
    services.move(attempt=attempt, to=to, actor=person(request))
    return redirect(f"{reverse('scanning:queue', args=[batch_id])}#attempt-{attempt.pk}")
