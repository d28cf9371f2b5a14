"""The laboratory's pulse: a canary through every real queue, and the reconcilers."""

import structlog
from celery import shared_task
from django.conf import settings
from django.db import DatabaseError
from django.utils.module_loading import import_string

from core import canaries
from core.errors import NocturneError

log = structlog.get_logger(__name__)


@shared_task(name="core.canary")
def canary(queue: str = "default", *more: object, **others: object) -> None:
    """Proves that a worker consumes, not merely lives."""
    canaries.sing(queue)


@shared_task(name="core.reconcile")
def reconcile() -> None:
    """Ask every reconciler of `settings.RECONCILERS` to put right what stopped."""
    run_reconcilers()


def run_reconcilers() -> None:
    """One that fails keeps no other from its work."""
    for path in import_string(settings.RECONCILERS):
        try:
            import_string(path)()
        except (NocturneError, DatabaseError):
            log.exception("reconciler_failed", reconciler=path)
