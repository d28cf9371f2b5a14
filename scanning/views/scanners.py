"""The instruments: how each one is, and who has taken it."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from core.errors import BadInput
from core.roles import role_required
from scanning import queries, services
from scanning.clients import scanner_client, scanners
from scanning.guards import HANDS, LOOKERS
from scanning.models import Scanner
from scanning.views.person import person
from wire import WireError


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
        services.unlock(scanner=scanner, actor=person(request))
    else:
        reason = request.POST.get("reason", "").strip()
        if not reason:
            raise BadInput("Say why you take the scanner.", field="reason")
        services.lock(scanner=scanner, reason=reason, actor=person(request))
    return redirect("scanning:scanners")
