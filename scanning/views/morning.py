"""The morning: what became of the night."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from core.roles import role_required
from lims.models import Batch
from lims.states import State
from scanning.boards import rows
from scanning.guards import LOOKERS
from scanning.models import Night
from scanning.mornings import account, causes_of, failures, outcomes


@role_required(*LOOKERS)
@require_GET
def morning(request: HttpRequest, batch_id: int) -> HttpResponse:
    """What became of the night: failures by cause, each with its picture, and one click to the rescan."""
    batch = get_object_or_404(Batch, pk=batch_id)
    found = outcomes(batch)
    carousels = rows(found)
    context = {
        "batch": batch,
        "night": Night.objects.select_related("scanner").filter(batch=batch).first(),
        "account": account(found),
        "looks": causes_of(found),
        "carousels": carousels,
        "map_rows": list(zip(*(slots for _, slots in carousels), strict=True)),
        "causes": failures(batch),
        "verdicts": sum(place.state == State.QUALITY for place in found),
        "waiting": any(place.failed and not place.again for place in found),
        "rescans": batch.rescans.all(),
    }
    return render(request, "scanning/morning.html", context)
