"""The colours and shapes of a slide's states and a batch's phases: one palette for every room."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.templatetags.core import badge
from lims.models import Batch, Slot
from lims.states import FailureReason, State

register = template.Library()

# state → (tone of nocturne.css, shape): how far along is told by the shape, what kind by the tone
LOOKS: dict[str, tuple[str, str]] = {
    State.REGISTERED: ("idle", "○"),
    State.LOADED: ("bench", "◔"),
    State.SNAPPED: ("bench", "◑"),
    State.REVIEW: ("doubt", "◆"),
    State.READY: ("bench", "◕"),
    State.SCANNING: ("busy", "▶"),
    State.QUALITY: ("doubt", "◩"),
    State.SCANNED: ("done", "●"),
    State.DEIDENTIFIED: ("done", "■"),
    State.ASSIGNED: ("read", "◇"),
    State.READ: ("read", "◈"),
    State.RELEASED: ("good", "★"),
    State.FAILED: ("bad", "✕"),
    State.HELD: ("doubt", "‖"),
    State.REJECTED: ("off", "⊘"),
    State.WITHDRAWN: ("off", "⊗"),
}

# where a slot of the board is too narrow for the state's own label
SHORT: dict[str, str] = {
    State.REVIEW: "Review",
    State.READY: "Ready",
    State.QUALITY: "Quality",
    State.DEIDENTIFIED: "De-ident.",
}

PHASES: dict[str, tuple[str, str]] = {
    Batch.Phase.LOADING: ("bench", "◔"),
    Batch.Phase.SNAPSHOTS: ("busy", "▶"),
    Batch.Phase.REVIEW: ("doubt", "◆"),
    Batch.Phase.NIGHT: ("busy", "▶"),
    Batch.Phase.MORNING: ("doubt", "◆"),
    Batch.Phase.CLOSED: ("good", "★"),
}


@register.simple_tag
def state_badge(state: str) -> SafeString:
    tone, shape = LOOKS[state]
    return badge(State(state).label, tone, shape)


@register.simple_tag
def phase_badge(phase: str) -> SafeString:
    tone, shape = PHASES[phase]
    return badge(Batch.Phase(phase).label, tone, shape)


@register.filter
def state_tone(state: str) -> str:
    return LOOKS[state][0]


@register.filter
def state_shape(state: str) -> str:
    return LOOKS[state][1]


@register.filter
def state_label(state: str) -> str:
    return State(state).label if state else "the beginning"


@register.filter
def reason_label(reason: str) -> str:
    return FailureReason(reason).label if reason in FailureReason.values else reason


@register.simple_tag
def slot_cell(
    batch: Batch,
    carousel: int,
    position: int,
    slot: Slot | None,
    at: tuple[int, int] | None,
    may_load: bool,
    wide: bool,
) -> SafeString:
    """One cell of the board. A tag, for a board of four hundred includes is slow."""
    chosen = " next" if at == (carousel, position) else ""
    address = f"?at={carousel}-{position}{'&all' if wide else ''}#loader"
    if slot is None:
        if not may_load:
            return SafeString('<span class="slot free" aria-hidden="true">·</span>')
        return format_html(
            '<a class="slot free{}" href="{}" aria-label="load slot {}-{}">+</a>',
            chosen,
            address,
            carousel,
            position,
        )
    tone, shape = LOOKS[slot.slide.state] if slot.slide else (("bad", "✕") if slot.barcode else ("idle", "○"))
    state = State(slot.slide.state) if slot.slide else None
    label = SHORT.get(state, state.label) if state else ("Problem" if slot.barcode else "Empty")
    return format_html(
        '<a class="slot tone-{}{}" href="{}" title="{}: {}">'
        '<span class="state"><span aria-hidden="true">{}</span> {}</span>'
        '<span class="mono">{}</span></a>',
        tone,
        chosen,
        address,
        slot.barcode or "nothing",
        state.label if state else label,
        shape,
        label,
        slot.barcode or "–",
    )
