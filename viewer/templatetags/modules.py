"""`{% preloads "viewer/main.js" %}`: a link for each module that it needs."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from viewer.modules import needed_by

register = template.Library()


@register.simple_tag
def preloads(path: str) -> SafeString:
    return format_html_join(
        "\n", '<link rel="modulepreload" href="{}">', ((static(module),) for module in needed_by(path))
    )
