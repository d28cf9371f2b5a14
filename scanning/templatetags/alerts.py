"""How an alert is shown: its colour and shape say how much of a hurry it is."""

from django import template
from django.utils.safestring import SafeString

from core.templatetags.core import badge
from scanning.models import Alert

register = template.Library()

# kind → (class of the notice, tone, shape); everything else stands still until somebody comes
LOOKS: dict[str, tuple[str, str, str]] = {
    Alert.Kind.NIGHT_ENDED: ("success", "good", "★"),
    Alert.Kind.MANY_FAILURES: ("warning", "doubt", "◆"),
}
STANDSTILL = ("error", "bad", "✕")


@register.simple_tag
def alert_class(alert: Alert) -> str:
    return LOOKS.get(alert.kind, STANDSTILL)[0]


@register.simple_tag
def alert_badge(alert: Alert) -> SafeString:
    _, tone, shape = LOOKS.get(alert.kind, STANDSTILL)
    return badge("News" if alert.kind == Alert.Kind.NIGHT_ENDED else "Open", tone, shape)
