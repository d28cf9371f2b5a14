"""Small words of the reading pages."""

from collections.abc import Iterable

from django import template
from django.template.context import Context
from django.utils.safestring import SafeString

from annotation.models import Assignment
from core.templatetags.core import badge
from lims.models import Slide, Tissue
from viewer.guards import may_know_barcode

register = template.Library()

LOOKS = {
    Assignment.State.OPEN: ("read", "◇"),
    Assignment.State.SUBMITTED: ("good", "✓"),
    Assignment.State.RETURNED: ("off", "↩"),
}


@register.simple_tag
def assignment_badge(state: str) -> SafeString:
    known = Assignment.State(state)
    tone, shape = LOOKS[known]
    return badge(known.label, tone, shape)


@register.simple_tag(takes_context=True)
def slide_name(context: Context, slide: Slide) -> str:
    """The barcode, or for a person who must not be led to the patient, the start of the random uid."""
    return slide.barcode if may_know_barcode(context["user"]) else f"Slide {str(slide.uid)[:8]}"


@register.simple_tag
def tissue_names(tissues: Iterable[str]) -> str:
    named = [Tissue(tissue).label for tissue in tissues if tissue in Tissue.values]
    return "every tissue" if len(named) == len(Tissue) else ", ".join(named) or "none"
