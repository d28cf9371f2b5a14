"""A little night with its events, for the figures."""

from datetime import datetime, timedelta

from django.utils import timezone

from lims.models import Slide, SlideEvent
from lims.states import State
from scanning.models import Attempt, Night, Scanner
from tests.lims.making import loaded, slide


def night(*outcomes: str, name: str = "Night 1", hours: float = 2.0) -> Night:
    """One slide per outcome ("" is published, else the reason it failed); an hour before now it ended."""
    slides = [slide() for _ in outcomes]
    batch = loaded(*slides, name=name)
    end = timezone.now() - timedelta(hours=1)
    start = end - timedelta(hours=hours)
    scanner, _ = Scanner.objects.get_or_create(name="scanner-1")
    made = Night.objects.create(batch=batch, scanner=scanner, started_at=start, ended_at=end)
    for one, outcome in zip(slides, outcomes, strict=True):
        ended(one, made, outcome, start, end)
    return made


def ended(one: Slide, on: Night, outcome: str, start: datetime, end: datetime) -> None:
    number = one.attempts.count() + 1
    target = State.FAILED if outcome else State.SCANNED
    Attempt.objects.create(
        slide=one,
        slot=one.slots.order_by("-id")[0],
        night=on,
        number=number,
        state="failed" if outcome else "done",
        reason=outcome,
        planned_planes=12,
        done_planes=12 if not outcome else 4,
        started_at=start,
        ended_at=end,
    )
    verb = "fail" if outcome else "publish"
    SlideEvent.objects.create(
        slide=one, source=State.SCANNING, target=target, verb=verb, actor="system", reason=outcome, at=end
    )
    Slide.objects.filter(pk=one.pk).update(state=target, failure=outcome)
