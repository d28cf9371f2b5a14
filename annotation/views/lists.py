"""My list: what is on it, what I take, hand on, ask about, or must not read."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation import queries, services
from annotation.forms import ColleagueForm, OpinionForm, RecuseForm, TakeForm
from annotation.guards import READERS, may_work_on
from annotation.models import Reader
from annotation.views.common import assignment_of, person, said
from annotation.views.reading import onwards
from core.errors import NotFound
from core.models import User
from core.roles import Role, role_required
from lims.models import Slide

MOST_SHOWN = 30


@require_GET
@role_required(*READERS)
def worklist(request: HttpRequest) -> HttpResponse:
    user = person(request)
    reader = Reader.objects.select_related("user").filter(user=user).first()
    waiting = queries.takeable(reader) if reader and reader.active else []
    context = {
        "assignments": list(queries.worklist(user)),
        "ended": list(queries.ended_today(user)[:50]),
        "answers": list(queries.answers_for(user)),
        "load": queries.load_of(reader) if reader else None,
        "waiting": waiting[:MOST_SHOWN],
        "more": max(0, len(waiting) - MOST_SHOWN),
    }
    return render(request, "annotation/worklist.html", context)


@require_POST
@role_required(*READERS)
def take(request: HttpRequest) -> HttpResponse:
    uid = said(TakeForm(request.POST))["slide"]
    slide = Slide.objects.select_related("block__specimen__case").filter(uid=uid).first()
    if slide is None:
        raise NotFound("There is no such slide.")
    made = services.take_case(slide=slide, actor=person(request))
    messages.success(request, f"{_slides(len(made))} of this case on your list.")
    return redirect("annotation:worklist")


@require_POST
@role_required(*READERS, Role.MANAGER)
def delegate(request: HttpRequest, pk: int) -> HttpResponse:
    user, assignment = person(request), assignment_of(pk)
    facts = said(ColleagueForm(request.POST, prefix="delegate"))
    made = services.delegate(assignment=assignment, actor=user, **facts)
    words = f"{_slides(len(made))} of this case went to {facts['to'].name}."
    if assignment.reader.user_id != user.pk:
        messages.success(request, words)
        return redirect("annotation:assignments")
    return onwards(request, user, assignment, words)


@require_POST
@role_required(*READERS)
def recuse(request: HttpRequest, pk: int) -> HttpResponse:
    user, assignment = person(request), assignment_of(pk)
    may_work_on(user, assignment)
    services.recuse(assignment=assignment, actor=user, **said(RecuseForm(request.POST)))
    return onwards(request, user, assignment, "This case goes to others, and none of it comes to you again.")


@require_POST
@role_required(*READERS)
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    facts = said(OpinionForm(request.POST, prefix="opinion"))
    services.ask_opinion(
        assignment=assignment_of(pk), of=facts["to"], question=facts["question"], actor=person(request)
    )
    messages.success(request, f"{facts['to'].name} was asked; the slide stays with you.")
    return redirect("annotation:read", pk=pk)


@require_http_methods(["GET", "POST"])
@role_required(*READERS)
def view(request: HttpRequest, pk: int) -> HttpResponse:
    """Looking at a slide together: POST tells where I look, GET asks where a companion (`who`) does."""
    user, assignment = person(request), assignment_of(pk)
    may_work_on(user, assignment)
    if request.method == "POST":
        services.show_view(slide=assignment.slide, actor=user, place=request.POST)
        return HttpResponse(status=204)
    who = request.GET.get("who", "")
    other = User.objects.filter(pk=who).first() if who.isdecimal() and len(who) < 10 else None
    if other is None:
        raise NotFound("There is nobody of this number.")
    return JsonResponse({"place": services.view_of(slide=assignment.slide, other=other, person=user)})


def _slides(count: int) -> str:
    return "1 slide" if count == 1 else f"{count} slides"
