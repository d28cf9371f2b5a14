"""The report of a night goes out at seven, once, to those whom the settings name."""

import smtplib
from datetime import datetime, time, timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from core import jobs
from core.errors import BadInput, Unavailable
from overview.morning import Morning, as_text, by_slot, morning
from scanning.models import Night

TOO_LATE = timedelta(days=3)  # after a long standstill nobody wants the reports of last week


class NotSent(Unavailable):
    """The mail server did not take the report."""

    code = "report_not_sent"


def last_report_time(now: datetime) -> datetime:
    """The latest moment at which reports were due: MORNING_REPORT_AT o'clock by the laboratory's clock."""
    here = timezone.localtime(now)
    due = datetime.combine(here.date(), time(settings.MORNING_REPORT_AT), here.tzinfo)
    return due if due <= here else due - timedelta(days=1)


def report_nights(now: datetime | None = None) -> int:
    """Send off the report of every night that began before the last report time and has none; how many.

    Asked every few seconds by many processes: the row is claimed in the transaction that writes the job, so
    there is one report for each night, and a laboratory that was down at seven sends it when it is up again.
    """
    if not settings.MORNING_REPORT_TO:
        return 0
    due = last_report_time(now or timezone.now())
    nights = Night.objects.filter(reported_at=None, started_at__lt=due, started_at__gte=due - TOO_LATE)
    return sum(_claim(night) for night in nights)


@transaction.atomic
def _claim(night: Night) -> int:
    won = Night.objects.filter(pk=night.pk, reported_at=None).update(reported_at=timezone.now())
    if won:
        jobs.enqueue("overview.report", night_id=night.pk)
    return won


def mail_report(*, night: Night) -> None:
    """Raises NotSent, and is tried again. Every try has the same Message-ID: a second delivery is known."""
    if not settings.MORNING_REPORT_TO:
        raise BadInput("MORNING_REPORT_TO names nobody.", field="MORNING_REPORT_TO")
    found = morning(night.batch)
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    mail = EmailMultiAlternatives(
        f"Nocturne: {found.batch.name}: {found.sum}"[:200],
        as_text(found, by_slot) + "\n",
        to=settings.MORNING_REPORT_TO,
        headers={"Message-ID": f"<night-{night.pk}-report@{host}>"},
    )
    mail.attach_alternative(_html(found), "text/html")
    try:
        mail.send()
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(f"{type(error).__name__}: {error}") from error


def _html(found: Morning) -> str:
    groups = [(title, why, len(group), ", ".join(map(by_slot, group))) for title, why, group in found.groups]
    return render_to_string("overview/morning_mail.html", {"found": found, "groups": groups})
