"""The laboratory's own processes and their supervisor: workers, relay, beat. What is killed comes back after
a moment; a worker that does not hear the bell any more is found by the canary and started anew.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

import structlog
from celery import Celery
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerAway

from core.canaries import EVERY_S, MISSES
from core.management.commands.relay import Command
from tests.faults.world.broker import Broker
from tests.faults.world.database import Database
from tests.faults.world.hub import Hub, Process

log = structlog.get_logger(__name__)
SOFT_S = 30.0  # how long a worker that is asked to stop may still take
BACK_S = (0.3, 10.0)  # a supervisor's waits
QUIET_S = 660.0  # longer than every grace of a reconciler: then another look finds nothing new
BEAT_S = 600.0
IDLE_S, RECONCILE_EVERY_S = 0.5, 30.0  # the relay looks less often here than it does


@dataclass(eq=False)
class Staff:
    hub: Hub
    broker: Broker
    database: Database
    app: Celery
    workers: list[Process] = field(default_factory=list)
    relay: Process | None = None
    deaf: set[Process] = field(default_factory=set)
    restarts: int = 0
    _dozing: bool = False

    def hire(self, scanners: Sequence[str]) -> None:
        for scanner in scanners:
            self.start_worker(f"worker of {scanner}", [f"scanner.{scanner}"])
        for number in (1, 2):
            self.start_worker(f"worker {number}", ["default"])
        self._start_relay()
        self.hub.start("beat", self._beat)
        self.database.written = self._written

    # --- workers
    def start_worker(
        self, name: str, queues: Sequence[str], *, after: float = 0.0, again: bool = True
    ) -> Process:
        process = self.hub.start(name, lambda: self._serve(process, queues), after=after)
        process.ended = lambda process: self._worker_ended(process, queues, again=again)
        self.workers.append(process)
        return process

    def _serve(self, process: Process, queues: Sequence[str]) -> None:
        """As a Celery worker does: acknowledges late, survives what a task raises, leaves after its task."""
        while not process.leaving:
            ring = self.broker.take(queues)
            while process in self.deaf:
                self.hub.park()
            try:
                self.app.tasks[ring.task].run(*ring.args)
            except Exception as error:  # noqa: BLE001  as a worker's main loop
                log.warning("task_failed", task=ring.task, error=f"{type(error).__name__}: {error}")
            self.broker.done(process)

    def _worker_ended(self, process: Process, queues: Sequence[str], *, again: bool) -> None:
        self.workers.remove(process)
        self.deaf.discard(process)
        self.broker.lose(process)
        if again:
            self.restarts += 1
            self.start_worker(process.name, queues, after=self.hub.random.uniform(*BACK_S))

    def ask_to_leave(self, process: Process) -> None:
        """A deploy: SIGTERM, and SIGKILL when it takes too long."""
        process.leaving = True
        if not self.broker.held.get(process):
            self.hub.kill(process)
        else:
            self.hub.later(SOFT_S, lambda: self.hub.kill(process))

    def deafen(self, process: Process) -> None:
        """It lives and takes no work; the canary is missed three times."""
        self.deaf.add(process)
        self.hub.later((MISSES + 1) * EVERY_S, lambda: self.hub.kill(process))

    # --- relay
    def _start_relay(self, after: float = 0.0) -> None:
        self.relay = self.hub.start("relay", self._relay, after=after)
        self.relay.ended = lambda process: self._start_relay(self.hub.random.uniform(*BACK_S))

    def _relay(self) -> None:
        """`manage relay`, less its looks that would find nothing due and nothing changed."""
        command, looked = Command(), self.hub.now
        while True:
            due_in = self._next_due()
            if due_in <= 0:
                self.hub.sleep(max(IDLE_S, command._ring(cast(Celery, self.broker))))
                due_in = self._next_due()
            if self.hub.now - looked > RECONCILE_EVERY_S:
                command._reconcile()
                looked, due_in = self.hub.now, self._next_due()
            self._dozing = self.hub.now - self.database.written_at > QUIET_S
            next_look = QUIET_S if self._dozing else looked + RECONCILE_EVERY_S + IDLE_S - self.hub.now
            self.hub.sleep(max(IDLE_S, min(next_look, due_in)))

    def _next_due(self) -> float:
        due = self.database.next_due()
        return (due - timezone.now()).total_seconds() if due else QUIET_S

    def _written(self, sql: str) -> None:
        """Where a job was written, the next look of a relay that sleeps comes within its pause."""
        of_a_job = "core_job" in sql and ("INSERT" in sql or sql.startswith('UPDATE "core_job" SET "due_at"'))
        if (of_a_job or self._dozing) and self.relay is not None and self.relay is not self.hub.process:
            self._dozing = False
            if self.relay.alive:
                self.hub.wake(self.relay.threads[0], IDLE_S)

    def _beat(self) -> None:
        """The reconcilers are rung for from elsewhere too: two may be at work at once."""
        while True:
            self.hub.sleep(BEAT_S)
            with suppress(BrokerAway):
                self.broker.send_task("core.reconcile", [], queue="default")
