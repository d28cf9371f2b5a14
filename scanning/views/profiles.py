"""How the glasses of each stain are scanned, and what that costs."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.roles import role_required
from scanning import services
from scanning.estimates import estimate
from scanning.forms import ProfileForm
from scanning.guards import HANDS, LOOKERS
from scanning.models import ScanProfile
from scanning.views.person import person


@role_required(*LOOKERS)
@require_GET
def profiles(request: HttpRequest) -> HttpResponse:
    """Every profile in the order in which they are tried."""
    found = [(profile, estimate(profile)) for profile in ScanProfile.objects.all()]
    return render(request, "scanning/profiles.html", {"profiles": found})


@role_required(*HANDS)
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest, profile_id: int | None = None) -> HttpResponseBase:
    """Make a profile, or change one."""
    known = get_object_or_404(ScanProfile, pk=profile_id) if profile_id else None
    cost = estimate(known) if known else None  # of what is kept: the form writes into the same object
    form = ProfileForm(request.POST or None, instance=known)
    if request.method == "POST" and form.is_valid():
        saved = services.save_profile(profile=form.save(commit=False), actor=person(request))
        messages.success(request, f"Profile {saved.name} is kept.")
        return redirect("scanning:profiles")
    context: dict[str, Any] = {"form": form, "profile": known, "estimate": cost}
    return render(request, "scanning/profile.html", context)


@role_required(*HANDS)
@require_POST
def profile_estimate(request: HttpRequest) -> HttpResponse:
    """What the profile in the form would cost; nothing is kept."""
    form = ProfileForm(request.POST)
    form.is_valid()  # a name that is taken is no reason not to reckon
    wrong = set(form.errors) - {"name", "priority"}
    found = None if wrong else estimate(form.draft())
    return render(request, "scanning/profile_estimate.html", {"estimate": found, "wrong": bool(wrong)})
