"""The laboratory's pulse: a canary through the real queue, and the reconcilers."""

from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from django.utils.module_loading import import_string


@shared_task(name="core.canary")
def canary() -> None:
    """Proves that a worker consumes, not merely lives."""
    cache.set("nocturne.canary", timezone.now().isoformat(), None)


@shared_task(name="core.reconcile")
def reconcile() -> None:
    """Ask every reconciler of `settings.RECONCILERS` to put right what stopped."""
    run_reconcilers()


def run_reconcilers() -> None:
    for path in import_string(settings.RECONCILERS):
        import_string(path)()
