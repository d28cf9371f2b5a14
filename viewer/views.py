"""The viewer's page."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from core import audit
from core.roles import EVERYONE, Role, has_role, role_required
from viewer import queries
from viewer.guards import Person, may_know_barcode
from viewer.models import VirtualSlide

# Annotations belong to an app above this one: the page knows their address, not their code.
ANNOTATIONS = "/api/annotations/"


def page_context(virtual: VirtualSlide, user: Person) -> dict[str, Any]:
    """What `viewer/viewer.html` needs; a page that extends it (a reading page, say) adds its own."""
    slide = virtual.slide
    uid = slide.uid
    version = f"?v={queries.version_of(virtual)}"
    first_tile = reverse("viewer:tile", args=[uid, 0, 0, 0])
    return {
        "slide": slide,
        "virtual": virtual,
        "name": slide.barcode if may_know_barcode(user) else f"Slide {str(uid)[:8]}",
        "header_url": reverse("viewer:header", args=[uid]) + version,
        "histogram_url": reverse("viewer:histogram", args=[uid]) + version,
        "thumbnail_url": reverse("viewer:thumbnail", args=[uid]) + version,
        "chunks_url": reverse("viewer:chunks", args=[uid]),
        "tiles_url": first_tile.removesuffix("0/0/0.jpg"),
        "annotations_url": ANNOTATIONS,
        "read_only": not has_role(user, Role.PATHOLOGIST, Role.ADMINISTRATOR),
    }


@role_required(*EVERYONE)
def beside_page(request: HttpRequest, uid: UUID, other: UUID) -> HttpResponse:
    """Two slides side by side."""
    shown = [queries.visible(user=request.user, uid=one) for one in (uid, other)]
    for virtual in shown:
        audit.record(actor=request.user, action="viewer.open", target=f"slide:{virtual.slide.uid}")
    left, right = (page_context(virtual, request.user) for virtual in shown)
    return render(request, "viewer/beside.html", {"left": left, "right": right})


@role_required(*EVERYONE)
def slide_page(request: HttpRequest, uid: UUID) -> HttpResponse:
    """The slide in the browser."""
    virtual = queries.visible(user=request.user, uid=uid)
    audit.record(actor=request.user, action="viewer.open", target=f"slide:{uid}")
    return render(request, "viewer/viewer.html", page_context(virtual, request.user))
