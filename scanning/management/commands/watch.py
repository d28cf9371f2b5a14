"""`manage watch`: looks whether all is well, raises and clears alerts, and tells the outside that we live."""

import signal
import threading
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections

from scanning.services.alerts import Finding, settle
from scanning.services.watching import Watch, is_well
from scanning.telling import NotTold, ask

log = structlog.get_logger(__name__)
EVERY_S = 15.0
DEAD_MAN_EVERY_S = 60.0


class Command(BaseCommand):
    help = "Watch the laboratory, for ever. With --once: say what is wrong; exit code 1 when anything is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            self._once()
            return
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        watch, told_at = Watch(), -DEAD_MAN_EVERY_S
        while not stopping.is_set():
            found = self._look(watch)
            if found is not None and time.monotonic() - told_at >= DEAD_MAN_EVERY_S and is_well(found):
                told_at = time.monotonic()
                self._live()
            self._beat()
            stopping.wait(EVERY_S)

    def _once(self) -> None:
        found = Watch(unanswered=1).look()
        for finding in found:
            self.stdout.write(f"{finding.kind.label}: {finding.message}")
        if found:
            raise CommandError(f"{len(found)} things are wrong")
        self.stdout.write("All is well.")

    def _look(self, watch: Watch) -> list[Finding] | None:
        """None while the record does not answer: nothing is known, and nobody is told that all is well."""
        try:
            found = watch.look()
            settle(found)
        except DatabaseError as error:
            log.warning("watch_blind", error=str(error))
            connections.close_all()
            return None
        return found

    def _live(self) -> None:
        """The dead-man signal: an outside monitor pages somebody when it stops."""
        if not settings.DEAD_MAN_URL:
            return
        try:
            ask(settings.DEAD_MAN_URL)
        except NotTold as error:
            log.warning("dead_man_not_heard", error=str(error))

    def _beat(self) -> None:
        if settings.HEARTBEAT_FILE:
            Path(settings.HEARTBEAT_FILE).touch()
