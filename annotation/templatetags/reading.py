"""Small words of the reading pages."""

from collections.abc import Iterable

from django import template
from django.template.context import Context
from django.utils import timezone
from django.utils.safestring import SafeString

from annotation.models import Assignment
from core.templatetags.core import badge
from lims.models import Case, Slide, Tissue
from viewer.guards import may_know_barcode

register = template.Library()

LOOKS = {
    Assignment.State.OPEN: ("read", "◇"),
    Assignment.State.SUBMITTED: ("good", "✓"),
    Assignment.State.RETURNED: ("off", "↩"),
}
PRIORITIES = {Case.Priority.STAT: ("bad", "▲▲"), Case.Priority.URGENT: ("doubt", "▲")}
# A blind second reading looks like a first one to who reads it.
TURNS = {Assignment.Purpose.THIRD: ("doubt", "⚖"), Assignment.Purpose.OPINION: ("busy", "?")}


@register.simple_tag
def assignment_badge(state: str) -> SafeString:
    known = Assignment.State(state)
    tone, shape = LOOKS[known]
    return badge(known.label, tone, shape)


@register.simple_tag
def priority_badge(case: Case) -> SafeString:
    """How urgent a case is, by word and shape; nothing for an ordinary one."""
    known = Case.Priority(case.priority)
    return badge(known.label, *PRIORITIES[known]) if known in PRIORITIES else SafeString("")


@register.simple_tag
def due_badge(case: Case) -> SafeString:
    """The day by which a case is to be read, where there is one: past, today or to come."""
    if case.due is None:
        return SafeString("")
    today = timezone.localdate()
    day = f"{case.due:%d %b}".lstrip("0")
    if case.due < today:
        return badge(f"late: {day}", "bad", "◆")
    return badge("due today", "doubt", "◆") if case.due == today else badge(f"due {day}", "idle", "◇")


@register.simple_tag
def turn_badge(assignment: Assignment) -> SafeString:
    purpose = Assignment.Purpose(assignment.purpose)
    return badge(purpose.label, *TURNS[purpose]) if purpose in TURNS else SafeString("")


@register.simple_tag(takes_context=True)
def slide_name(context: Context, slide: Slide) -> str:
    """The barcode, or for a person who must not be led to the patient, the start of the random uid."""
    return slide.barcode if may_know_barcode(context["user"]) else f"Slide {str(slide.uid)[:8]}"


@register.simple_tag
def tissue_name(tissue: str) -> str:
    return str(Tissue(tissue).label) if tissue in Tissue.values else tissue


@register.simple_tag
def tissue_names(tissues: Iterable[str]) -> str:
    named = [Tissue(tissue).label for tissue in tissues if tissue in Tissue.values]
    return "every tissue" if len(named) == len(Tissue) else ", ".join(named) or "none"
