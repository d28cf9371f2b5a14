"""The pages of reading: my list, one slide, and how the day is shared out."""

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from annotation import exports, queries, services
from annotation.forms import ComplaintForm, EnrolForm, ReturnForm, SubmitForm
from annotation.guards import may_work_on
from annotation.models import Assignment
from core import audit
from core.errors import BadInput, NotFound
from core.models import User
from core.roles import Role, role_required
from lims.models import Slide
from viewer import queries as pixels
from viewer.guards import require_view
from viewer.views import page_context

READERS = (Role.PATHOLOGIST, Role.ADMINISTRATOR)
PLANNERS = (Role.MANAGER, Role.ADMINISTRATOR)


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)  # role_required let nobody else in


def _assignment(pk: int) -> Assignment:
    rows = Assignment.objects.select_related("slide__block__specimen__case", "reader__user")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such assignment.")
    return found


def _said(form: Any) -> dict[str, Any]:
    """What a form holds, or BadInput that says what is wrong with it."""
    if not form.is_valid():
        wrong = "; ".join(f"{field}: {' '.join(errors)}" for field, errors in form.errors.items())
        raise BadInput(f"This could not be used: {wrong}", fields=form.errors)
    return cast(dict[str, Any], form.cleaned_data)


@require_GET
@role_required(*READERS)
def worklist(request: HttpRequest) -> HttpResponse:
    user = _person(request)
    context = {
        "assignments": list(queries.worklist(user)),
        "ended": list(queries.ended_today(user)[:50]),
        "load": next((load for load in queries.loads() if load.reader.user_id == user.pk), None),
    }
    return render(request, "annotation/worklist.html", context)


@require_GET
@role_required(*READERS)
def read(request: HttpRequest, pk: int) -> HttpResponse:
    """The slide with what was drawn on it. A signed-off slide opens too, and says so."""
    user, assignment = _person(request), _assignment(pk)
    may_work_on(user, assignment)
    virtual = pixels.visible(user=user, uid=assignment.slide.uid)
    if assignment.state == Assignment.State.OPEN and assignment.reader.user_id == user.pk:
        services.open_assignment(assignment=assignment, actor=user)
    audit.record(actor=user, action="slide.read", target=f"slide:{assignment.slide.uid}")
    context = {
        **page_context(virtual, user),
        "read_only": assignment.state != Assignment.State.OPEN,
        "assignment": assignment,
        "following": queries.next_for(user, assignment),
        "left": queries.worklist(user).count(),
        "return_form": ReturnForm(prefix="return"),
        "complaint_form": ComplaintForm(prefix="complain"),
    }
    return render(request, "annotation/read.html", context)


@require_POST
@role_required(*READERS)
def submit_slide(request: HttpRequest, pk: int) -> HttpResponse:
    user, assignment = _person(request), _assignment(pk)
    active_s = _said(SubmitForm(request.POST))["active_s"]
    services.submit(assignment=assignment, actor=user, active_s=active_s)
    return _onwards(request, user, assignment, "The slide is signed off; its annotations are locked.")


@require_POST
@role_required(*READERS, Role.MANAGER)
def return_slide(request: HttpRequest, pk: int) -> HttpResponse:
    user, assignment = _person(request), _assignment(pk)
    services.take_back(
        assignment=assignment, actor=user, note=_said(ReturnForm(request.POST, prefix="return"))["note"]
    )
    if assignment.reader.user_id != user.pk:
        messages.success(request, "The slide was taken back and looks for another reader.")
        return redirect("annotation:assignments")
    return _onwards(request, user, assignment, "The slide went back and looks for another reader.")


@require_POST
@role_required(*READERS)
def complain_about(request: HttpRequest, pk: int) -> HttpResponse:
    user, assignment = _person(request), _assignment(pk)
    services.complain(
        assignment=assignment, actor=user, **_said(ComplaintForm(request.POST, prefix="complain"))
    )
    return _onwards(request, user, assignment, "The slide is on the rescan list.")


def _onwards(request: HttpRequest, user: User, done: Assignment, message: str) -> HttpResponse:
    """To the next slide of the list, or to the list when it is empty."""
    messages.success(request, message)
    following = queries.next_for(user, done)
    return redirect("annotation:read", pk=following.pk) if following else redirect("annotation:worklist")


@require_GET
@role_required(*PLANNERS)
def assignments(request: HttpRequest) -> HttpResponse:
    return render(request, "annotation/assignments.html", _planning(EnrolForm()))


def _planning(form: EnrolForm) -> dict[str, Any]:
    return {
        "loads": queries.loads(),
        "open": queries.open_assignments()[:500],
        "waiting": list(queries.waiting()[:500]),
        "enrol_form": form,
        "return_form": ReturnForm(prefix="return"),
    }


@require_POST
@role_required(*PLANNERS)
def share(request: HttpRequest) -> HttpResponse:
    found, left = services.assign_waiting(actor=_person(request))
    messages.success(request, f"{found} slides found a reader; {left} still wait.")
    return redirect("annotation:assignments")


@require_POST
@role_required(*PLANNERS)
def enrol(request: HttpRequest) -> HttpResponse:
    form = EnrolForm(request.POST)
    if not form.is_valid():
        return render(request, "annotation/assignments.html", _planning(form), status=400)
    reader = services.enrol_reader(actor=_person(request), **form.cleaned_data)
    messages.success(request, f"{reader.name} reads up to {reader.daily_limit} slides a day.")
    return redirect("annotation:assignments")


@require_GET
@role_required(*READERS, Role.STEWARD, Role.MANAGER)
def export(request: HttpRequest, uid: UUID, form: str) -> HttpResponse:
    """The annotations of a slide as a file; readers are numbers in it."""
    if form not in exports.SUFFIXES:
        raise NotFound("Annotations come as .xml or .geojson.")
    slide = Slide.objects.filter(uid=uid).first()
    if slide is None:
        raise NotFound("There is no such slide.")
    require_view(request.user, slide)
    audit.record(actor=request.user, action="annotations.export", target=f"slide:{uid}")
    written = exports.exported(slide, exports.SUFFIXES[form], queries.drawn_on(slide))
    kind = "application/xml" if form == "xml" else "application/geo+json"
    name = f"{uid}.{form}"
    return HttpResponse(
        written.content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
