"""The map of a night: one small cell for a slot, its cause as a code that is read from across the room."""

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from lims.states import FailureReason, State
from lims.templatetags.lims import LOOKS
from scanning.boards import Place
from scanning.mornings import Try

register = template.Library()

R = FailureReason
CODES: dict[str, str] = {
    R.NO_FOCUS_POINTS: "FP",
    R.BARCODE_UNREADABLE: "BC",
    R.BARCODE_MISMATCH: "BM",
    R.EMPTY_SLOT: "EM",
    R.JAM: "JA",
    R.LAMP: "LA",
    R.STAGE_FAULT: "ST",
    R.LOST_MESSAGES: "LM",
    R.STALL: "SL",
    R.POWER_CUT: "PC",
    R.SCANNER_LOST: "SC",
    R.SLIDE_SERVICE: "SS",
    R.DISK_FULL: "DF",
    R.VERIFY_FAILED: "VF",
    R.BLURRED: "BL",
    R.MISSING_FIELDS: "MF",
    R.SATURATED: "OX",
    R.TISSUE_OUTSIDE: "TO",
    R.TEARS: "TE",
    R.FOLDED: "FO",
    R.OVERSTAINED: "OS",
    R.COVER_SLIP: "CS",
    R.DEBRIS: "DE",
    R.AIR_BUBBLES: "AB",
    R.MARKINGS: "MA",
    R.LOW_RESOLUTION: "LR",
    R.ATTEMPTS_EXHAUSTED: "AE",
    R.OTHER: "OT",
}


def look(place: Place) -> tuple[str, str, str]:
    """(tone, code or shape, words)."""
    if not place.slide:
        return ("bad", "?", "Not ours") if place.barcode else ("idle", "○", "Empty")
    if place.published:
        return "good", "✓", "Published"
    if place.failed:
        return "bad", CODES[place.failure or R.OTHER], place.why
    return (*LOOKS[State(place.state)], place.why)


@register.simple_tag
def night_cell(place: Place | None) -> SafeString:
    """A slot of the map, which leads to its slide."""
    if place is None:
        return SafeString('<span class="mark free" aria-hidden="true">·</span>')
    tone, shape, words = look(place)
    said = f"Slot {place.carousel}-{place.position}: {place.barcode or 'empty'}, {words}"
    if not place.slide:
        html = '<span class="mark tone-{}" role="img" aria-label="{}" title="{}">{}</span>'
        return format_html(html, tone, said, said, shape)
    html = (
        '<a class="mark tone-{}" href="{}" aria-label="{}" title="{}"><span aria-hidden="true">{}</span></a>'
    )
    if place.failed:
        tone, said = f"{tone} failed", f"{said}, {shape}"
    return format_html(html, tone, reverse("lims:slide", args=[place.slide]), said, said, shape)


@register.simple_tag
def night_legend(place: Place, count: int) -> SafeString:
    """One look of the map and how many slots have it; a failure's leads to its slides below, a
    doubtful scan's to where it gets its verdict.
    """
    tone, shape, words = look(place)
    inside = format_html(
        '<span class="mark tone-{}{}" aria-hidden="true">{}</span> <strong class="figures">{}</strong> {}',
        tone, " failed" if place.failed else "", shape, count, words,
    )  # fmt: skip
    if place.state == State.QUALITY:
        return format_html('<a href="{}">{}</a>', reverse("scanning:qualities"), inside)
    if not place.failed:
        return format_html("<span>{}</span>", inside)
    return format_html('<a href="#cause-{}">{}</a>', place.failure or R.OTHER, inside)


@register.filter
def brief(value: object) -> str:
    """A parameter's value on one line."""
    if value is None:
        return "–"
    return " × ".join(map(str, value)) if isinstance(value, list) else str(value)


@register.filter
def beside(one: Try, other: Try) -> tuple[Try, Try]:
    return one, other
