"""Small words of the corpus pages."""

from django import template
from django.utils.safestring import SafeString

from core.templatetags.core import badge
from corpus.models import Release

register = template.Library()

LOOKS = {
    Release.State.DRAFT: ("doubt", "◔"),
    Release.State.APPROVED: ("busy", "▶"),
    Release.State.PUBLISHED: ("good", "★"),
    Release.State.FAILED: ("bad", "✕"),
}


@register.simple_tag
def release_badge(state: str) -> SafeString:
    known = Release.State(state)
    tone, shape = LOOKS[known]
    return badge(known.label, tone, shape)


@register.filter
def counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items())
