"""Small words of the templates. Built in everywhere (settings.TEMPLATES), so no page has to load them."""

from collections.abc import Iterable

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.roles import Role

register = template.Library()


@register.simple_tag
def badge(label: str, tone: str = "idle", shape: str = "○") -> SafeString:
    """A coloured word with a shape beside it, so that colour never speaks alone."""
    return format_html(
        '<span class="badge tone-{}"><span aria-hidden="true">{}</span> {}</span>', tone, shape, label
    )


@register.simple_tag
def progress(done: float, total: float, label: str = "") -> SafeString:
    """A bar with its figures in words; a total of 0 is an empty bar."""
    share = min(max(done / total, 0.0), 1.0) if total else 0.0
    return format_html(
        '<span class="progress"><progress max="1" value="{}" aria-label="{}"></progress> '
        '<span class="figures">{}/{}</span></span>',
        f"{share:.4f}",
        label or "progress",
        f"{done:g}",
        f"{total:g}",
    )


@register.simple_tag
def tile(value: object, label: str, href: str = "", tone: str = "") -> SafeString:
    """One figure large enough to be read across the room, a link where there is more behind it."""
    inside = format_html('<span class="value">{}</span><span class="label">{}</span>', value, label)
    style = f"tile tone-{tone}" if tone else "tile"
    if href:
        return format_html('<a class="{}" href="{}">{}</a>', style, href, inside)
    return format_html('<div class="{}">{}</div>', style, inside)


@register.filter
def role_labels(roles: Iterable[str]) -> str:
    """The roles of a person in words, in the order of the table."""
    held = set(roles)
    return ", ".join(role.label for role in Role if role.value in held) or "No role yet"
