"""The Celery application. A worker that is set up against the rules of `core.jobs` does not start."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init, worker_shutting_down
from django.conf import settings
from redis.exceptions import ResponseError

from core.leaving import leave

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("nocturne")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def refuse_unsafe_settings(**kwargs: object) -> None:
    if not (app.conf.task_acks_late and app.conf.worker_prefetch_multiplier == 1):
        raise SystemExit("A worker must acknowledge late and prefetch one task: see config/settings.py.")
    if settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] <= settings.CELERY_TASK_TIME_LIMIT * 2:
        raise SystemExit("A task may outlive the broker's visibility timeout: see config/settings.py.")


@worker_init.connect
def refuse_a_broker_that_forgets(**kwargs: object) -> None:
    """One that throws messages away when its memory is full. One that does not say is believed."""
    if not app.conf.broker_url.startswith("redis"):
        return
    with app.connection_for_read() as connection:
        try:
            channel: Any = connection.default_channel
            said = channel.client.config_get("maxmemory-policy")
        except ResponseError:  # a hosted one, which keeps its settings to itself
            return
    if said.get("maxmemory-policy", "noeviction") != "noeviction":
        raise SystemExit("The broker may forget messages: set its maxmemory-policy to noeviction.")


@worker_shutting_down.connect
def hand_over(**kwargs: object) -> None:
    """A deploy in mid-night: whoever drives a slide leaves it to the next worker, which comes in a moment."""
    leave()
