"""Vendor files as they were found; the unmatched wait for a person."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from core.roles import role_required
from scanning import services
from scanning.guards import HANDS, LOOKERS
from scanning.models import ImportedFile
from scanning.views.person import person


@role_required(*LOOKERS)
@require_GET
def imports(request: HttpRequest) -> HttpResponse:
    """Vendor files as they were found; the unmatched wait for a person."""
    files = ImportedFile.objects.select_related("slide")
    waiting = files.filter(state=ImportedFile.State.UNMATCHED)
    others = files.exclude(state=ImportedFile.State.UNMATCHED)[:200]
    return render(request, "scanning/imports.html", {"waiting": waiting, "others": others})


@role_required(*HANDS)
@require_POST
def import_match(request: HttpRequest, file_id: int) -> HttpResponseBase:
    found = get_object_or_404(ImportedFile, pk=file_id, state=ImportedFile.State.UNMATCHED)
    row = services.match_by_hand(found=found, barcode=request.POST.get("barcode", ""), actor=person(request))
    messages.success(request, f"{found.name} is slide {row.slide.barcode}.")
    return redirect("scanning:imports")
