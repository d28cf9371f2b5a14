"""Figures of a scan profile, in words."""

from typing import Any

from django import template
from django.db.models import Q

from scanning.models import ScanProfile, Snapshot
from scanning.plans import profile_for

register = template.Library()


@register.inclusion_tag("scanning/profile_choice.html")
def profile_choice(snapshot: Snapshot) -> dict[str, Any]:
    """By which profile a glass is scanned, and another to choose: a field of the review's form."""
    return {
        "snapshot": snapshot,
        "profiles": ScanProfile.objects.filter(Q(active=True) | Q(pk=snapshot.profile_id)),
        "usual": profile_for(snapshot.slide.stain),
    }


@register.filter
def hours(value: float) -> str:
    """Of a time in hours: "3 h 20 min", "4 min", "25 s"."""
    seconds = round(value * 3600)
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min" if seconds >= 60 else f"{seconds} s"


@register.filter
def thousands(number: float) -> str:
    return f"{number:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
