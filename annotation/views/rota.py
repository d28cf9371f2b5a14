"""How the day is shared out, and how each reader stands on the rota."""

from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation import queries, services
from annotation.forms import EnrolForm, HoursForm, LeaveForm, ReturnForm, RotaForm
from annotation.models import Leave, Reader, Study
from annotation.queries.loads import hours_on
from annotation.views.common import PLANNERS, person, said
from core.errors import NotAllowed, NotFound
from core.roles import Role, has_role, role_required

DAYS_AHEAD = 14
MOST_CASES = 200


@require_GET
@role_required(*PLANNERS)
def assignments(request: HttpRequest) -> HttpResponse:
    return render(request, "annotation/assignments.html", _planning(EnrolForm()))


def _planning(form: EnrolForm) -> dict[str, Any]:
    loads = queries.loads()
    waiting = queries.waiting(loads)
    return {
        "loads": loads,
        "open": queries.open_assignments()[:500],
        "waiting": waiting[:MOST_CASES],
        "waiting_more": max(0, len(waiting) - MOST_CASES),
        "waiting_slides": sum(len(case.slides) for case in waiting),
        "calendar": _calendar(),
        "studies": Study.objects.prefetch_related("terms"),
        "pairs": queries.pairs(),
        "enrol_form": form,
        "return_form": ReturnForm(prefix="return"),
    }


def _calendar() -> dict[str, Any]:
    """The hours of everybody on the rota for the next days; None on leave."""
    today = timezone.localdate()
    days = [today + timedelta(days=number) for number in range(DAYS_AHEAD)]
    readers = Reader.objects.filter(active=True).select_related("user").prefetch_related("leave")
    return {"days": days, "rows": [(reader, [_hours(reader, day) for day in days]) for reader in readers]}


def _hours(reader: Reader, day: date) -> float | None:
    away = any(leave.first <= day <= leave.last for leave in reader.leave.all())
    return None if away else hours_on(reader, day)


@require_POST
@role_required(*PLANNERS)
def share(request: HttpRequest) -> HttpResponse:
    found, left = services.assign_waiting(actor=person(request))
    messages.success(request, f"{found} slides found a reader; {left} still wait.")
    return redirect("annotation:assignments")


@require_POST
@role_required(*PLANNERS)
def enrol(request: HttpRequest) -> HttpResponse:
    form = EnrolForm(request.POST)
    if not form.is_valid():
        return render(request, "annotation/assignments.html", _planning(form), status=400)
    reader = services.enrol_reader(actor=person(request), **form.cleaned_data)
    messages.success(request, f"{reader.name} reads up to {reader.daily_limit} slides a day.")
    return redirect("annotation:reader", pk=reader.pk)


def _reader(pk: int) -> Reader:
    found = Reader.objects.select_related("user").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such reader.")
    return found


@require_http_methods(["GET", "POST"])
@role_required(*PLANNERS, Role.PATHOLOGIST)
def reader(request: HttpRequest, pk: int) -> HttpResponse:
    """One reader: tissues, limit, hours, leave, recusals. A pathologist sees their own."""
    user, found = person(request), _reader(pk)
    planner = has_role(user, *PLANNERS)
    if not planner and found.user_id != user.pk:
        raise NotAllowed("This is another reader's page.")
    if request.method == "POST":
        return _save(request, found, planner)
    initial = {"tissues": found.tissues, "limit": found.daily_limit, "active": found.active}
    return _profile(request, found, RotaForm(initial=initial), HoursForm(hours=found.hours))


def _save(request: HttpRequest, found: Reader, planner: bool) -> HttpResponse:
    if not planner:
        raise NotAllowed("A manager changes the rota.")
    form, hours = RotaForm(request.POST), HoursForm(request.POST)
    if not (form.is_valid() and hours.is_valid()):
        return _profile(request, found, form, hours, status=400)
    services.enrol_reader(user=found.user, actor=person(request), hours=hours.hours, **form.cleaned_data)
    messages.success(request, f"{found.name}'s place on the rota is saved.")
    return redirect("annotation:reader", pk=found.pk)


def _profile(
    request: HttpRequest, found: Reader, form: RotaForm, hours: HoursForm, status: int = 200
) -> HttpResponse:
    overall, paces = queries.learned()
    context = {
        "reader": found,
        "load": queries.load_of(found),
        "form": form,
        "hours_form": hours,
        "leave_form": LeaveForm(),
        "leave": found.leave.filter(last__gte=timezone.localdate()),
        "recusals": found.recusals.select_related("case").order_by("-created_at")[:100],
        "paces": [(tissue, paces.get((found.pk, tissue), overall)) for tissue in found.tissues],
        "planner": has_role(request.user, *PLANNERS),
    }
    return render(request, "annotation/reader.html", context, status=status)


@require_POST
@role_required(*PLANNERS)
def leave(request: HttpRequest, pk: int) -> HttpResponse:
    found = _reader(pk)
    services.add_leave(reader=found, actor=person(request), **said(LeaveForm(request.POST)))
    messages.success(request, "Saved. What is on the list when it begins goes to others by itself.")
    return redirect("annotation:reader", pk=found.pk)


@require_POST
@role_required(*PLANNERS)
def cancel_leave(request: HttpRequest, pk: int) -> HttpResponse:
    found = Leave.objects.select_related("reader__user").filter(pk=pk).first()
    if found is None:
        raise NotFound("This leave was cancelled already.")
    services.cancel_leave(leave=found, actor=person(request))
    messages.success(request, "The leave is cancelled.")
    return redirect("annotation:reader", pk=found.reader_id)
