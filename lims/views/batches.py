"""The night's load: batches, the board, the pick list."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from core.errors import BadInput
from core.roles import has_role, role_required
from lims import guards, imports, queries, services
from lims.forms import BatchForm, FileForm, LoadForm
from lims.models import CAROUSELS, SLOTS, Batch, Slot
from lims.services import Placement
from lims.states import State

PAGE = 30


@require_GET
@role_required(*guards.BENCH)
def batch_list(request: HttpRequest) -> HttpResponse:
    page = Paginator(queries.batches(), PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "form": BatchForm(), "may_load": has_role(request.user, *guards.HANDS)}
    return render(request, "lims/batches.html", context)


@require_POST
@role_required(*guards.HANDS)
def batch_create(request: HttpRequest) -> HttpResponse:
    batch = services.create_batch(name=request.POST.get("name", ""), actor=request.user)
    return redirect("lims:batch", batch.pk)


@require_GET
@role_required(*guards.BENCH)
def batch_page(request: HttpRequest, pk: int) -> HttpResponse:
    batch = get_object_or_404(Batch.objects.select_related("rescan_of"), pk=pk)
    just = _slot(batch, _place(request.GET.get("just", "")))
    return render(request, "lims/batch.html", {**board_context(request, batch), "just": just})


@require_GET
@role_required(*guards.BENCH)
def batch_fragment(request: HttpRequest, pk: int) -> HttpResponse:
    """The live part of the board, asked for every two seconds."""
    batch = get_object_or_404(Batch, pk=pk)
    return render(request, "lims/batch_live.html", board_context(request, batch))


def board_context(request: HttpRequest, batch: Batch) -> dict[str, Any]:
    wide = "all" in request.GET or "all" in request.POST
    rows = queries.board(batch, carousels=CAROUSELS if wide else 4)
    loading = batch.phase == Batch.Phase.LOADING
    at = _place(request.GET.get("at", "")) or (
        next(iter(services.free_slots(batch=batch)), None) if loading else None
    )
    states = queries.states_of(batch)
    problems = queries.preflight(batch) if loading else []
    return {
        "batch": batch,
        "rows": rows,
        "columns": range(1, SLOTS + 1),
        "wide": wide,
        "at": at,
        "slot": _slot(batch, at),
        "loading": loading,
        "may_load": loading and has_role(request.user, *guards.HANDS),
        "states": [(state, states[state]) for state in State.values if state in states],
        "slides": sum(states.values()),
        "failed": states.get(State.FAILED, 0),
        "problems": problems,
        "blocked": any(problem.blocking for problem in problems),
        "file_form": FileForm(),
        "rescans": batch.rescans.all(),
    }


def _place(text: str) -> tuple[int, int] | None:
    """`?at=3-7`, the slot that was clicked, or `?just=3-7`, the one that was loaded, if it is one."""
    carousel, _, position = text.partition("-")
    if not (carousel.isdecimal() and position.isdecimal() and len(carousel + position) <= 4):
        return None
    place = (int(carousel), int(position))
    return place if 1 <= place[0] <= CAROUSELS and 1 <= place[1] <= SLOTS else None


def _slot(batch: Batch, at: tuple[int, int] | None) -> Slot | None:
    if at is None:
        return None
    return queries.slots_of(batch).filter(carousel__number=at[0], position=at[1]).first()


@require_POST
@role_required(*guards.HANDS)
def batch_load(request: HttpRequest, pk: int) -> HttpResponse:
    batch = get_object_or_404(Batch, pk=pk)
    form = LoadForm(request.POST)
    if not form.is_valid():
        raise BadInput(
            "A slot and a barcode are needed.", fields={k: list(v) for k, v in form.errors.items()}
        )
    place = Placement(
        form.cleaned_data["carousel"], form.cleaned_data["position"], form.cleaned_data["barcode"]
    )
    slot = services.load(batch=batch, placements=[place], actor=request.user)[0]
    return _answer(request, batch, slot)


def _answer(request: HttpRequest, batch: Batch, slot: Slot) -> HttpResponse:
    """After a load the reader's cursor stands on the next free slot; without scripts the page does the
    same.
    """
    if not getattr(request, "htmx", False):
        just = f"{slot.carousel.number}-{slot.position}"
        return redirect(reverse("lims:batch", args=[batch.pk], query={"just": just}))
    return render(request, "lims/batch_room.html", {**board_context(request, batch), "just": slot})


@require_POST
@role_required(*guards.HANDS)
def batch_unload(request: HttpRequest, pk: int) -> HttpResponse:
    batch = get_object_or_404(Batch, pk=pk)
    slot = get_object_or_404(
        Slot.objects.select_related("carousel__batch", "slide"), pk=_number(request, "slot")
    )
    if slot.carousel.batch_id != batch.pk:
        raise BadInput("This slot is not of this batch.")
    at = f"{slot.carousel.number}-{slot.position}"
    services.unload(slot=slot, actor=request.user)
    messages.success(request, f"Slot {slot} is free again.")
    return redirect(f"{reverse('lims:batch', args=[batch.pk])}?at={at}")


def _number(request: HttpRequest, name: str) -> int:
    value = request.POST.get(name, "")
    if not (value.isdecimal() and len(value) < 19):
        raise BadInput(f"{name} is a number.", field=name)
    return int(value)


@require_POST
@role_required(*guards.HANDS)
def batch_load_file(request: HttpRequest, pk: int) -> HttpResponse:
    batch = get_object_or_404(Batch, pk=pk)
    form = FileForm(request.POST, request.FILES)
    if not form.is_valid():
        raise BadInput("Choose a file with the columns carousel, slot and barcode.")
    placements = imports.read_placements(form.cleaned_data["file"].read(imports.MAX_BYTES + 1))
    slots = services.load(batch=batch, placements=placements, actor=request.user)
    messages.success(request, f"{len(slots)} slots were loaded from the file.")
    return redirect("lims:batch", batch.pk)


@require_POST
@role_required(*guards.HANDS)
def batch_rescan(request: HttpRequest, pk: int) -> HttpResponse:
    batch = get_object_or_404(Batch, pk=pk)
    rescan = services.build_rescan(batch=batch, actor=request.user)
    messages.success(request, f"{rescan} is made. The pick list says which glass goes where.")
    then = "lims:pull-list" if request.POST.get("then") == "pull-list" else "lims:batch"
    return redirect(then, rescan.pk)


@require_GET
@role_required(*guards.BENCH)
def pull_list(request: HttpRequest, pk: int) -> HttpResponse:
    batch = get_object_or_404(Batch.objects.select_related("rescan_of"), pk=pk)
    return render(request, "lims/pull_list.html", {"batch": batch, "pulls": queries.pull_list(batch)})
