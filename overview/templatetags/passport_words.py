"""Small words of the passport."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format

register = template.Library()


@register.filter
def moment(text: str | None) -> str:
    """An ISO time of the passport as a person reads it; a dash for none."""
    if not text:
        return "–"
    return date_format(timezone.localtime(datetime.fromisoformat(text)), "j M Y H:i")
