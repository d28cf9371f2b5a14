"""System checks: contradictory settings are told at start, with a number each."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register


@register()
def settings_agree(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    transport = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    if transport["visibility_timeout"] <= settings.CELERY_TASK_TIME_LIMIT * 2:
        found.append(
            Error(
                "A task may outlive the broker's patience and run twice.",
                hint="Keep CELERY_TASK_TIME_LIMIT × 2 below the visibility timeout.",
                id="core.E001",
            )
        )
    if settings.DATABASES["default"]["NAME"] == settings.DATABASES["vault"]["NAME"]:
        found.append(Error("The key vault must have a database of its own.", id="core.E002"))
    if not settings.DEBUG and "*" in settings.ALLOWED_HOSTS:
        found.append(Warning("The web server answers to every host name.", id="core.W001"))
    return found
