"""Find a slide, look at it, press one of its buttons."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from core.errors import BadInput
from core.roles import has_role, role_required, roles_of
from lims import guards, queries, services
from lims.forms import FindSlides, MoveForm
from lims.models import Slide
from lims.states import FailureReason, State, buttons

PAGE = 50


@require_GET
@role_required(*guards.ANYONE)
def slide_list(request: HttpRequest) -> HttpResponse:
    form = FindSlides(request.GET)
    form.is_valid()
    wanted = form.cleaned_data
    identified = has_role(request.user, *guards.RECORD)
    slides = queries.find_slides(
        text=wanted.get("q", "").strip(),
        state=wanted.get("state", ""),
        tissue=wanted.get("tissue", ""),
        stain=wanted.get("stain", ""),
        by_accession=identified,
    )
    exact = Slide.objects.filter(barcode=wanted.get("q", "").strip()).first()
    if exact is not None and "go" in request.GET:
        return redirect("lims:slide", exact.barcode)
    context = {
        "form": form,
        "page": Paginator(slides, PAGE).get_page(request.GET.get("page")),
        "states": State.choices,
        "stains": queries.stains(),
        "identified": identified,
        "may_register": has_role(request.user, *guards.HANDS),
        "searched": any(wanted.values()),
    }
    return render(request, "lims/slides.html", context)


@require_GET
@role_required(*guards.ANYONE)
def slide_page(request: HttpRequest, barcode: str) -> HttpResponse:
    slide = get_object_or_404(Slide.objects.select_related("block__specimen__case"), barcode=barcode)
    context = {
        "slide": slide,
        "buttons": buttons(slide.state, roles_of(request.user), slide.held_from),
        "events": queries.history(slide).reverse(),
        "slots": slide.slots.select_related("carousel__batch").order_by("-id"),
        "identified": has_role(request.user, *guards.RECORD),
        "reasons": FailureReason.choices,
    }
    return render(request, "lims/slide.html", context)


@require_POST
@role_required(*guards.ANYONE)
def slide_move(request: HttpRequest, barcode: str) -> HttpResponse:
    slide = get_object_or_404(Slide, barcode=barcode)
    form = MoveForm(request.POST)
    if not form.is_valid():
        raise BadInput("That is not a step of a slide's life.", fields=form.errors.get_json_data())
    event = services.move_by_hand(slide=slide, actor=request.user, **form.cleaned_data)
    messages.success(request, f"{slide.barcode}: {event.verb} done, now {State(event.target).label.lower()}.")
    return redirect("lims:slide", slide.barcode)
