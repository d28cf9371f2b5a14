"""How glass is shown: the photograph from near with area and points, a slot of the board, a time left."""

from collections.abc import Mapping
from datetime import timedelta

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from lims.models import Slot
from lims.states import State
from lims.templatetags.lims import LOOKS, SHORT
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
def glass_slot(slot: Slot | None, stages: Mapping[int, Attempt]) -> SafeString:
    """One slot of the loader and what happens to its slide now. A tag, for a board has four hundred."""
    if slot is None:
        return SafeString('<span class="slot free" aria-hidden="true">·</span>')
    if slot.slide is None:
        tone, shape, label = ("bad", "✕", "Not ours") if slot.barcode else ("idle", "○", "Empty")
        return format_html(
            '<span class="slot tone-{}"><span class="state"><span aria-hidden="true">{}</span> {}</span>'
            '<span class="mono">{}</span></span>',
            tone, shape, label, slot.barcode or "–",
        )  # fmt: skip
    tone, shape, label = _look(slot, stages)
    return format_html(
        '<a class="slot tone-{}" href="{}"><span class="state"><span aria-hidden="true">{}</span> {}</span>'
        '<span class="mono">{}</span></a>',
        tone,
        reverse("lims:slide", args=[slot.slide.barcode]),
        shape,
        label,
        slot.barcode,
    )


def _look(slot: Slot, stages: Mapping[int, Attempt]) -> tuple[str, str, str]:
    assert slot.slide is not None  # noqa: S101  only slots with a slide come here
    attempt = stages.get(slot.slide.pk)
    if attempt is None:
        state = State(slot.slide.state)
        return (*LOOKS[state], SHORT.get(state, state.label))
    tone, shape, label = STAGES[attempt.state]
    if attempt.state == Attempt.State.RUNNING and attempt.planned_planes:
        label = f"{attempt.done_planes}/{attempt.planned_planes}"
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
