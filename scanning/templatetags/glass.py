"""How glass is shown: the photograph from near with area and points, a slot of the board, a time left."""

from datetime import timedelta

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from lims.states import State
from lims.templatetags.lims import LOOKS, SHORT
from scanning.boards import Place
from scanning.crops import around_area, whole
from scanning.models import Attempt, FocusPoint, Snapshot

register = template.Library()

# what a slide that is being worked on is shown as, before its own state says more
STAGES: dict[str, tuple[str, str, str]] = {
    Attempt.State.QUEUED: ("bench", "◕", "In the queue"),
    Attempt.State.RUNNING: ("busy", "▶", "Scanning"),
    Attempt.State.ACQUIRED: ("done", "◍", "Building"),
}


@register.simple_tag
def glass(snapshot: Snapshot, near: bool = True) -> SafeString:
    """The photograph of a glass with its scan area and focus points: the tissue from near, or all of it."""
    crop = around_area(snapshot) if near else whole(snapshot)
    left, top, scale = snapshot.origin_x_um, snapshot.origin_y_um, snapshot.um_per_px
    radius = crop.width / (55 if near else 140)
    points = format_html_join(
        "",
        '<circle class="point{}" cx="{}" cy="{}" r="{}"/>',
        (
            (
                " person" if point.source == FocusPoint.Source.PERSON else "",
                f"{(point.x_um - left) / scale:.2f}",
                f"{(point.y_um - top) / scale:.2f}",
                f"{radius:.2f}",
            )
            for point in snapshot.points.all()
        ),
    )
    return format_html(
        '<span class="crop" style="aspect-ratio:{}"><img src="{}" alt="{} of {}" loading="lazy" style="{}">'
        '<svg viewBox="{}" aria-hidden="true"><rect class="area" x="{}" y="{}" width="{}" height="{}"/>{}'
        "</svg></span>",
        f"{crop.width / crop.height:.4f}",
        reverse("scanning:macro", args=[snapshot.pk]),
        "Tissue" if near else "The whole glass",
        snapshot.slide.barcode,
        crop.style,
        crop.view_box,
        f"{(snapshot.area_x_um - left) / scale:.2f}",
        f"{(snapshot.area_y_um - top) / scale:.2f}",
        f"{snapshot.area_width_um / scale:.2f}",
        f"{snapshot.area_height_um / scale:.2f}",
        points,
    )


@register.simple_tag
def glass_slot(place: Place | None) -> SafeString:
    """One slot of the loader and what happens to its slide now. A tag, for a board has four hundred."""
    if place is None:
        return SafeString('<span class="slot free" aria-hidden="true">·</span>')
    if not place.slide:
        tone, shape, label = ("bad", "✕", "Not ours") if place.barcode else ("idle", "○", "Empty")
        return format_html(
            '<span class="slot tone-{}" id="{}"><span class="state">'
            '<span aria-hidden="true">{}</span> {}</span><span class="mono">{}</span></span>',
            tone, place.key, shape, label, place.barcode or "–",
        )  # fmt: skip
    tone, shape, label = _look(place)
    return format_html(
        '<a class="slot tone-{}" id="{}" href="{}"><span class="state">'
        '<span aria-hidden="true">{}</span> {}</span><span class="mono">{}</span></a>',
        tone,
        place.key,
        reverse("lims:slide", args=[place.slide]),
        shape,
        label,
        place.barcode,
    )


def _look(place: Place) -> tuple[str, str, str]:
    if not place.stage:
        state = State(place.state)
        return (*LOOKS[state], SHORT.get(state, state.label))
    tone, shape, label = STAGES[place.stage]
    if place.stage == Attempt.State.RUNNING and place.planned:
        label = f"{place.done}/{place.planned}"
    return tone, shape, label


@register.filter
def lasting(left: timedelta | None) -> str:
    """A time to wait, as said across a room: "3 h 20 min", "4 min", "25 s"."""
    if left is None:
        return ""
    minutes, seconds = divmod(max(0, round(left.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
