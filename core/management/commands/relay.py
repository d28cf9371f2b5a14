"""`manage relay`: rings the workers for every job that is due, and reconciles even when beat is away."""

import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
from celery import Celery
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import OperationalError
from django.utils.module_loading import import_string
from kombu.exceptions import OperationalError as BrokerAway

from core.jobs import ring_due
from core.tasks import run_reconcilers

log = structlog.get_logger(__name__)
IDLE_S = 0.1
RECONCILE_EVERY_S = 15.0
BROKER_PAUSE_S = 1.0


class Command(BaseCommand):
    help = "Send the outbox to the broker, for ever."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stopping = False
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        app: Celery = import_string(settings.CELERY_APP)
        reconciled = time.monotonic()
        while not self.stopping:
            self._alive()
            time.sleep(self._ring(app))
            if time.monotonic() - reconciled > RECONCILE_EVERY_S:
                self._reconcile()
                reconciled = time.monotonic()

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _alive(self) -> None:
        """A sign of life for the supervisor, where there is one."""
        if settings.HEARTBEAT_FILE:
            Path(settings.HEARTBEAT_FILE).touch()

    def _ring(self, app: Celery) -> float:
        """Send what is due; how long to wait before the next look (s)."""
        try:
            return 0.0 if ring_due(app) else IDLE_S
        except (BrokerAway, OSError) as error:
            log.warning("broker_away", error=str(error))
        except OperationalError as error:
            log.warning("database_away", error=str(error))
        return BROKER_PAUSE_S

    def _reconcile(self) -> None:
        try:
            run_reconcilers()
        except Exception:
            log.exception("reconciler_failed")
