"""The watch: looks every few seconds whether all is well, from a process that none of the work needs."""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from core import canaries
from core.models import Job
from lims.models import Batch
from scanning import queries
from scanning.boards import OPEN
from scanning.clients import scanner_client, slide_service
from scanning.models import Alert, Attempt, Night, Snapshot
from scanning.services.alerts import Finding
from wire import WireError

Kind = Alert.Kind
GIB = 2**30
UNANSWERED = 2  # looks without an answer before somebody is said to be away
OVERDUE = timedelta(minutes=2)
UNTOLD = timedelta(minutes=5)
AT_WORK = (Batch.Phase.SNAPSHOTS, Batch.Phase.NIGHT)


@dataclass
class Watch:
    """Keeps from look to look what a single one cannot see: who did not answer, since when nothing moves."""

    clock: Callable[[], float] = time.monotonic
    unanswered: int = UNANSWERED
    began: datetime = field(default_factory=timezone.now)
    _misses: Counter[str] = field(default_factory=Counter)
    _moved: dict[int, tuple[object, float]] = field(default_factory=dict)

    def look(self) -> list[Finding]:
        """Everything that is wrong now."""
        nights = list(
            Night.objects.filter(ended_at=None, batch__phase__in=AT_WORK).select_related("batch", "scanner")
        )
        return [
            *self._scanners(nights),
            *self._service_and_disks(),
            *self._standstills(nights),
            *_failures(nights),
            *self._queues(),
        ]

    def _scanners(self, nights: Sequence[Night]) -> Iterator[Finding]:
        """Only those with a night: one that is switched off over the day is nobody's alarm."""
        for name in sorted({night.scanner.name for night in nights}):
            try:
                with scanner_client(name) as scanner:
                    scanner.status()
            except WireError:
                if self._missed(name):
                    words = f"{name} does not answer. Its night waits and goes on by itself."
                    yield Finding(Kind.SCANNER_LOST, name, words)
            else:
                self._misses.pop(name, None)

    def _missed(self, name: str) -> bool:
        self._misses[name] += 1
        return self._misses[name] >= self.unanswered

    def _service_and_disks(self) -> Iterator[Finding]:
        free = {
            "slides": shutil.disk_usage(_existing(settings.SLIDE_ROOT)).free,
            "record": shutil.disk_usage(_existing(settings.VAR)).free,
        }
        try:
            with slide_service() as service:
                free["journals"] = service.health().free_bytes
        except WireError:
            if self._missed("slide service"):
                words = "The slide service does not answer. Scans wait and go on by themselves."
                yield Finding(Kind.SERVICE_LOST, "slide service", words)
        else:
            self._misses.pop("slide service", None)
        yield from _low(free)

    def _standstills(self, nights: Sequence[Night]) -> Iterator[Finding]:
        patience_s = settings.ALERT_NO_PROGRESS_MINUTES * 60
        now = self.clock()
        for night in nights:
            place = _place(night)
            if self._moved.get(night.pk, (None, 0.0))[0] != place or _rests(night):
                self._moved[night.pk] = (place, now)
            elif now - self._moved[night.pk][1] > patience_s:
                minutes = (now - self._moved[night.pk][1]) / 60
                words = f"{night} has brought nothing new for {minutes:.0f} minutes."
                yield Finding(Kind.NO_PROGRESS, night.batch.name, words)
        self._moved = {night.pk: self._moved[night.pk] for night in nights}

    def _queues(self) -> Iterator[Finding]:
        for queue in queues():
            if canaries.is_silent(queue, self.began):
                words = f"Nobody has taken work from the queue “{queue}” for three minutes."
                yield Finding(Kind.QUEUE_SILENT, queue, words)
        ago = timezone.now() - OVERDUE
        late = Job.objects.filter(done_at=None, failed_at=None, due_at__lt=ago).count()
        if late and self.began < ago:
            words = f"{late} jobs are overdue by two minutes and nobody has rung for them: is the relay up?"
            yield Finding(Kind.QUEUE_SILENT, "outbox", words)


def queues() -> list[str]:
    return ["default", *(f"scanner.{name}" for name in settings.SCANNER_ENDPOINTS)]


def is_well(found: Iterable[Finding]) -> bool:
    """Whether the outside may be told that all is well: work is being taken, and alerts are being heard."""
    if any(finding.kind == Kind.QUEUE_SILENT for finding in found):
        return False
    old = Alert.objects.filter(cleared_at=None, raised_at__lt=timezone.now() - UNTOLD)
    return not any("error" in said for alert in old for said in alert.sent.values())


def _place(night: Night) -> tuple[object, ...]:
    """Where a night stands: changes with every plane and every slide, and with nothing else."""
    attempts = Attempt.objects.filter(night=night)
    planes = attempts.aggregate(done=Sum("done_planes"))["done"]
    photographed = Snapshot.objects.filter(slot__carousel__batch=night.batch_id).count()
    ended = attempts.exclude(state__in=OPEN).count()
    return planes, photographed, ended, attempts.filter(state=Attempt.State.ACQUIRED).count()


def _rests(night: Night) -> bool:
    """A person has stopped it, or there is nothing to do but to wait for people."""
    if night.paused or night.scanner.locked_by:
        return True
    if night.batch.phase == Batch.Phase.SNAPSHOTS:
        return False
    return not Attempt.objects.filter(night=night, state__in=OPEN).exists()


def _failures(nights: Sequence[Night]) -> Iterator[Finding]:
    for night in nights:
        found = queries.progress(night.batch)
        many = found.ended >= settings.ALERT_FAILED_FROM
        if many and found.failed / found.ended >= settings.ALERT_FAILED_SHARE:
            words = f"{found.failed} of {found.ended} slides that have ended have failed in {night}."
            yield Finding(Kind.MANY_FAILURES, night.batch.name, words)


def _low(free: dict[str, int]) -> Iterator[Finding]:
    """Several folders on one disk are one alert."""
    short = {name: left for name, left in free.items() if left < settings.ALERT_FREE_GIB * GIB}
    if short:
        where = ", ".join(f"{left / GIB:.1f} GiB for {name}" for name, left in sorted(short.items()))
        words = f"Only {where} (wanted: {settings.ALERT_FREE_GIB:g} GiB). Nothing is lost: scans wait."
        yield Finding(Kind.DISK_LOW, "disk", words)


def _existing(folder: str | Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    path = Path(folder)
    return next(place for place in (path, *path.parents) if place.exists())
