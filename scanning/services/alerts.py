"""Alerts: raised once for a thing that is wrong, cleared by themselves when it is right again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from core import audit, jobs
from lims.services import Actor
from scanning.models import Alert
from scanning.queries import open_alerts
from scanning.telling import NotTold, channels

Kind = Alert.Kind
QUIET = timedelta(minutes=30)  # what comes and goes is written down each time, but told once
WATCHED = frozenset(Kind) - {Kind.NIGHT_ENDED}


@dataclass(frozen=True)
class Finding:
    """Something that is wrong now."""

    kind: Kind
    subject: str
    message: str


def settle(found: Iterable[Finding]) -> None:
    """Raise what is newly wrong, and clear what is wrong no longer. `found` is everything that is wrong."""
    wrong = {(finding.kind, finding.subject): finding for finding in found}
    opened = {(alert.kind, alert.subject): alert for alert in open_alerts() if alert.kind in WATCHED}
    for key, alert in opened.items():
        if key not in wrong:
            clear(kind=alert.kind, subject=alert.subject)
    for key, finding in wrong.items():
        if key not in opened:
            raise_alert(finding)


def raise_alert(finding: Finding) -> Alert | None:
    """None when it is open already."""
    same = Alert.objects.filter(kind=finding.kind, subject=finding.subject[:120])
    told = not same.filter(raised_at__gt=timezone.now() - QUIET).exists()
    try:
        with transaction.atomic():
            alert = Alert.objects.create(
                kind=finding.kind, subject=finding.subject[:120], message=finding.message[:500]
            )
            if told and channels(alert):
                jobs.enqueue("scanning.tell", alert_id=alert.pk)
    except IntegrityError:  # somebody else has just raised it
        return None
    return alert


@transaction.atomic
def clear(*, kind: str, subject: str) -> bool:
    """Whoever heard that it began hears that it is over."""
    alert = Alert.objects.filter(kind=kind, subject=subject, cleared_at=None).first()
    if alert is None:
        return False
    changed = Alert.objects.filter(pk=alert.pk, cleared_at=None).update(cleared_at=timezone.now())
    alert.refresh_from_db()
    if changed and "webhook" in alert.sent and "webhook, cleared" in channels(alert):
        jobs.enqueue("scanning.tell", alert_id=alert.pk)
    return bool(changed)


@transaction.atomic
def see(*, alert: Alert, actor: Actor) -> None:
    """A person knows of it. That a night has ended is then no news any more."""
    name = audit.name_of(actor)
    if Alert.objects.filter(pk=alert.pk, seen_by="").update(seen_by=name):
        audit.record(actor=actor, action="alert.see", target=f"alert:{alert.pk}", subject=alert.subject)
    if alert.kind == Kind.NIGHT_ENDED:
        clear(kind=alert.kind, subject=alert.subject)


def tell(*, alert: Alert) -> None:
    """Send it where it has not been taken yet. One channel that fails keeps no other from it.

    Raises NotTold (retryable) when one of them has not taken it; `Alert.sent` says what it said.
    """
    failed: list[str] = []
    for name, send in channels(alert).items():
        if "at" in alert.sent.get(name, {}):
            continue
        try:
            send(alert)
        except NotTold as error:
            tries = alert.sent.get(name, {}).get("tries", 0) + 1
            alert.sent[name] = {"error": str(error)[:200], "tries": tries}
            failed.append(f"{name}: {error}")
        else:
            alert.sent[name] = {"at": timezone.now().isoformat()}
    Alert.objects.filter(pk=alert.pk).update(sent=alert.sent)
    if failed:
        raise NotTold("; ".join(failed))
