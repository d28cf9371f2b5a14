"""The pages of the corpus: what is ready to leave, what a release would be, and what one is."""

from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from core import audit
from core.errors import BadInput, NotFound
from core.files import FileDownload
from core.models import User
from core.roles import Role, has_role, role_required
from corpus import queries, services, smallcells
from corpus import search as finding
from corpus.derivatives import derivatives, named
from corpus.forms import ReleaseForm, SearchForm, WithdrawForm
from corpus.models import Release
from corpus.naming import Template
from corpus.patterns import EXAMPLE
from corpus.search import SEEKERS
from corpus.services.deciding import APPROVERS, MAKERS
from corpus.services.withdrawing import WITHDRAWERS
from lims import queries as lims
from viewer.guards import may_know_barcode

LOOKERS = (Role.STEWARD, Role.MANAGER, Role.ADMINISTRATOR)


def person(request: HttpRequest) -> User:
    """Who asks, of a page that asks for a role."""
    return cast(User, request.user)  # role_required let nobody else in


def _release(number: int) -> Release:
    found = queries.releases().filter(number=number).first()
    if found is None:
        raise NotFound(f"There is no release {number}.")
    return found


@require_GET
@role_required(*LOOKERS)
def releases(request: HttpRequest) -> HttpResponse:
    waiting = queries.candidates()
    context = {
        "releases": queries.releases(),
        "ready": [candidate for candidate in waiting if not candidate.problem],
        "stuck": [candidate for candidate in waiting if candidate.problem],
        "form": ReleaseForm(),
        "may_make": has_role(request.user, *MAKERS),
    }
    return render(request, "corpus/releases.html", context)


@require_POST
@role_required(*MAKERS)
def create(request: HttpRequest) -> HttpResponse:
    """Make a draft; with `dry_run` only show the names it would have."""
    form = ReleaseForm(request.POST)
    if not form.is_valid():
        raise BadInput("Choose a naming template and a licence.", fields=form.errors)
    if "dry_run" in request.POST:
        return dry_run(request, queries.template(form.cleaned_data["template"]))
    made = services.create_release(actor=person(request), **form.cleaned_data)
    messages.success(request, f"{made} is a draft. Somebody other than you approves it.")
    return redirect("corpus:release", number=made.number)


def dry_run(request: HttpRequest, template: Template) -> HttpResponse:
    """The names that all that is ready would have."""
    ready = [candidate for candidate in queries.candidates() if not candidate.problem]
    proposed = queries.propose(template, ready, number=1, actor=person(request))
    cells = queries.small_cells([row.slide for row in proposed])
    context = {
        "template": template,
        "example": template.path(EXAMPLE),
        "proposed": proposed,
        "cells": cells,
        "small": smallcells.small(cells),
    }
    return render(request, "corpus/dry_run.html", context)


@require_GET
@role_required(*SEEKERS)
def search(request: HttpRequest) -> HttpResponse:
    """What was asked for stands in the address. A search that cannot be made says why above its own words."""
    form = SearchForm(request.GET)
    context: dict[str, Any] = {
        "form": form,
        "stains": lims.stains(),
        "knows_barcode": may_know_barcode(request.user),
    }
    try:
        wanted = form.wanted()
        found = None if wanted.is_empty else finding.find(wanted, request.GET.get("page"))
    except BadInput as error:
        return render(request, "corpus/search.html", {**context, "problem": str(error)}, status=400)
    return render(request, "corpus/search.html", {**context, "wanted": wanted, "found": found})


@require_GET
@role_required(*LOOKERS)
def release(request: HttpRequest, number: int) -> HttpResponse:
    found = _release(number)
    page = Paginator(found.items.select_related("slide").order_by("path"), 100).get_page(
        request.GET.get("page")
    )
    waiting = found.state in {Release.State.DRAFT, Release.State.FAILED}
    context = {
        "release": found,
        "page": page,
        "may_approve": waiting
        and has_role(request.user, *APPROVERS)
        and found.created_by_id != request.user.pk,
        "own": waiting and found.created_by_id == request.user.pk,
        "may_discard": waiting and has_role(request.user, *MAKERS),
        "small": smallcells.small(found.small_cells),
        "others": Release.objects.filter(state=Release.State.PUBLISHED).exclude(pk=found.pk),
        "withdrawn": found.items.filter(withdrawn_at__isnull=False).count(),
        **_compared(request, found),
    }
    return render(request, "corpus/release.html", context)


def _compared(request: HttpRequest, found: Release) -> dict[str, object]:
    """Beside another release, where the address names one (`?with=N`)."""
    number = request.GET.get("with", "")
    other = Release.objects.filter(number=int(number)).first() if number.isdecimal() else None
    return {"other": other, "difference": queries.difference(other, found)} if other else {}


@role_required(*WITHDRAWERS)
def withdrawals(request: HttpRequest) -> HttpResponse:
    """What there is of a patient, a case or a slide; sent with a reason, all of it is withdrawn."""
    form = WithdrawForm(request.POST or request.GET or None)
    name = form.cleaned_data["name"].strip() if form.is_valid() else ""
    slides = list(named(name)) if name else []
    if request.method == "POST" and name:
        reason = form.cleaned_data["reason"]
        buried = services.withdraw(slides=slides, reason=reason, actor=person(request))
        messages.success(request, f"{len(slides)} slides are withdrawn, and {buried} released files.")
        return redirect("corpus:withdrawals")
    if name:
        audit.record(actor=request.user, action="corpus.drill", target=f"slides:{len(slides)}")
    context = {
        "form": form,
        "name": name,
        "slides": slides,
        "found": derivatives(slides),
        "buried": queries.withdrawn()[:100],
    }
    return render(request, "corpus/withdrawals.html", context)


@require_POST
@role_required(*APPROVERS)
def approve(request: HttpRequest, number: int) -> HttpResponse:
    services.approve_release(release=_release(number), actor=person(request))
    messages.success(request, f"Release {number} is approved and being built.")
    return redirect("corpus:release", number=number)


@require_POST
@role_required(*MAKERS)
def discard(request: HttpRequest, number: int) -> HttpResponse:
    services.discard_release(release=_release(number), actor=person(request))
    messages.success(request, f"Release {number} was discarded; its slides are as they were.")
    return redirect("corpus:releases")


@require_GET
@role_required(*LOOKERS)
def file(request: HttpRequest, number: int, path: str) -> HttpResponseBase:
    """One file of a published release; only a path that the record names is opened."""
    found = _release(number)
    item = found.items.filter(path=path).first()
    if found.state != Release.State.PUBLISHED or (item is None and path != "manifest.json"):
        raise NotFound("This release has no such file.")
    if item is not None and item.withdrawn_at:
        raise NotFound("This file was withdrawn.", path=path)
    target = found.folder / path
    if target.is_symlink() or not target.is_file():
        raise NotFound("The file is not on its volume: verify the release.", path=path)
    audit.record(actor=request.user, action="release.file", target=f"release:{number}", path=path[:200])
    return FileDownload(target.open("rb"), as_attachment=True, filename=target.name)
