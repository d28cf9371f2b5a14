"""One slide in front of its reader: read, submit, give back, complain."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from annotation import queries, services
from annotation.forms import (
    ColleagueForm,
    ComplaintForm,
    OpinionForm,
    ReturnForm,
    SittingForm,
    SubmitForm,
)
from annotation.guards import READERS, may_work_on
from annotation.models import Assignment
from annotation.views.common import assignment_of, person, said
from core import audit
from core.models import User
from core.roles import Role, role_required
from viewer import queries as pixels
from viewer.models import VirtualSlide
from viewer.views import page_context


@require_GET
@role_required(*READERS)
def read(request: HttpRequest, pk: int) -> HttpResponse:
    """The slide with what was drawn on it. A signed-off slide opens too, and says so."""
    user, assignment = person(request), assignment_of(pk)
    may_work_on(user, assignment)
    virtual = pixels.visible(user=user, uid=assignment.slide.uid)
    mine = assignment.state == Assignment.State.OPEN and assignment.reader.user_id == user.pk
    if mine:
        services.open_assignment(assignment=assignment, actor=user)
    audit.record(actor=user, action="slide.read", target=f"slide:{assignment.slide.uid}")
    context = {
        **page_context(virtual, user),
        **_around(user, assignment),
        "read_only": assignment.state != Assignment.State.OPEN,
        "assignment": assignment,
        "mine": mine,
    }
    if assignment.state == Assignment.State.OPEN:
        context |= _forms(assignment)
    return render(request, "annotation/read.html", context)


def _around(user: User, assignment: Assignment) -> dict[str, Any]:
    """The list that the slide stands in, who looks on, and the words of its study."""
    following = queries.next_for(user, assignment)
    return {
        "following": following,
        "ahead": _ahead(user, following),
        "left": queries.worklist(user).count(),
        "study": assignment.study,
        "opinions": queries.opinions_on(assignment.slide, user),
        "companions": services.companions(user, assignment.slide),
    }


def _ahead(user: User, following: Assignment | None) -> list[str]:
    """What the browser may fetch of the next slide while this one is read."""
    if following is None:
        return []
    virtual = VirtualSlide.objects.select_related("slide").filter(slide=following.slide, current=True).first()
    if virtual is None:
        return []
    known = page_context(virtual, user)
    return [known["header_url"], known["histogram_url"], known["thumbnail_url"]]


def _forms(assignment: Assignment) -> dict[str, Any]:
    case = [row.slide for row in services.case_of(assignment)]
    colleagues = [load.reader for load in queries.colleagues_for(assignment, case)]
    askable = [load.reader for load in queries.askable(assignment)]
    return {
        "case_slides": len(case),
        "return_form": ReturnForm(prefix="return"),
        "complaint_form": ComplaintForm(prefix="complain"),
        "complaints": [(reason.value, reason.label) for reason in services.COMPLAINTS],
        "delegate_form": ColleagueForm(prefix="delegate", among=colleagues) if colleagues else None,
        "opinion_form": OpinionForm(prefix="opinion", among=askable) if askable else None,
        "submit_form": SubmitForm(),
    }


@require_POST
@role_required(*READERS)
def submit_slide(request: HttpRequest, pk: int) -> HttpResponse:
    user, assignment = person(request), assignment_of(pk)
    services.submit(assignment=assignment, actor=user, **said(SubmitForm(request.POST)))
    opinion = assignment.purpose == Assignment.Purpose.OPINION
    words = "Your answer is sent." if opinion else "The slide is signed off; its annotations are locked."
    return onwards(request, user, assignment, words)


@require_POST
@role_required(*READERS, Role.MANAGER)
def return_slide(request: HttpRequest, pk: int) -> HttpResponse:
    user, assignment = person(request), assignment_of(pk)
    note = said(ReturnForm(request.POST, prefix="return"))["note"]
    services.take_back(assignment=assignment, actor=user, note=note)
    if assignment.reader.user_id != user.pk:
        messages.success(request, "The slide was taken back and looks for another reader.")
        return redirect("annotation:assignments")
    return onwards(request, user, assignment, "The slide went back and looks for another reader.")


@require_POST
@role_required(*READERS)
def complain_about(request: HttpRequest, pk: int) -> HttpResponse:
    user, assignment = person(request), assignment_of(pk)
    facts = said(ComplaintForm(request.POST, prefix="complain"))
    services.complain(assignment=assignment, actor=user, **facts)
    return onwards(request, user, assignment, "The slide is on the rescan list.")


@require_POST
@role_required(*READERS)
def sitting(request: HttpRequest, pk: int) -> HttpResponse:
    """The page says how long it was worked on so far."""
    services.hear(assignment=assignment_of(pk), actor=person(request), **said(SittingForm(request.POST)))
    return HttpResponse(status=204)


def onwards(request: HttpRequest, user: User, done: Assignment, message: str) -> HttpResponse:
    """To the next slide of the list, or to the list when it is empty."""
    messages.success(request, message)
    following = queries.next_for(user, done)
    return redirect("annotation:read", pk=following.pk) if following else redirect("annotation:worklist")
