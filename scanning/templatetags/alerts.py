"""How an alert is shown: its colour and shape say how much of a hurry it is."""

from django import template
from django.utils.safestring import SafeString

from core.templatetags.core import badge
from scanning.models import Alert

register = template.Library()

# kind → (tone, shape); everything else stands still until somebody comes
LOOKS: dict[str, tuple[str, str]] = {
    Alert.Kind.NIGHT_ENDED: ("good", "★"),
    Alert.Kind.MANY_FAILURES: ("doubt", "◆"),
}
STANDSTILL = ("bad", "✕")


@register.simple_tag
def alert_tone(alert: Alert) -> str:
    return LOOKS.get(alert.kind, STANDSTILL)[0]


@register.simple_tag
def alert_kind(alert: Alert) -> SafeString:
    return badge(alert.get_kind_display(), *LOOKS.get(alert.kind, STANDSTILL))


@register.simple_tag
def alert_badge(alert: Alert) -> SafeString:
    label = "News" if alert.kind == Alert.Kind.NIGHT_ENDED else "Open"
    return badge(label, *LOOKS.get(alert.kind, STANDSTILL))
