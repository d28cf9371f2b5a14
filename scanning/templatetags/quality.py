"""How a verdict and the figures behind it are shown."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.utils.safestring import SafeString

from core.templatetags.core import badge
from scanning.models import Quality

register = template.Library()

LOOKS: dict[str, tuple[str, str]] = {
    Quality.Verdict.GOOD: ("good", "✓"),
    Quality.Verdict.RESCAN: ("busy", "↻"),
    Quality.Verdict.DOUBTFUL: ("doubt", "◩"),
    Quality.Verdict.ACCEPTED: ("good", "✓"),
    Quality.Verdict.REFUSED: ("bad", "✕"),
}


@register.simple_tag
def verdict_badge(quality: Quality) -> SafeString:
    return badge(quality.get_verdict_display(), *LOOKS[quality.verdict])


@register.inclusion_tag("scanning/quality_table.html")
def quality_table(rows: Iterable[Quality]) -> dict[str, Any]:
    return {"rows": rows}


@register.filter
def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


@register.filter
def out_of_100(score: float) -> str:
    return f"{100 * score:.0f}"


@register.filter
def otherwise(adjustments: Mapping[str, Any]) -> str:
    """What an attempt did unlike the plan, in words."""
    said = []
    if "points" in adjustments:
        said.append(f"{len(adjustments['points'])} focus points")
    if "area" in adjustments:
        said.append("a larger area")
    if "exposure" in adjustments:
        said.append(f"exposed for {100 * adjustments['exposure']:.0f} % of the time")
    return ", ".join(said) or ("the same once more" if adjustments else "")
