"""The report of a night by mail: at seven, once, with a sum that adds up and nothing that names anybody."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from config.celery import app
from core.models import Job
from overview import services
from overview import tasks as known_to_the_worker
from scanning.models import Night
from tests.overview.making import night

pytestmark = pytest.mark.django_db
SUM = r"(\d+) slides = (\d+) published \+ (\d+) failed \+ (\d+) skipped"
SEVEN = datetime(2026, 3, 5, 7, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def readers(settings) -> None:
    settings.MORNING_REPORT_TO = ["bench@example.org"]
    settings.SITE_URL = "https://lab.example.org/"


def worked(job: Job) -> None:
    """As a worker does it whom the relay has rung."""
    assert known_to_the_worker
    app.tasks[job.task](job.pk)
    job.refresh_from_db()


def night_before(hours: float = 12.0, *outcomes: str) -> Night:
    made = night(*(outcomes or ("", "jam")))
    Night.objects.filter(pk=made.pk).update(started_at=SEVEN - timedelta(hours=hours))
    return made


def test_the_report_is_due_at_seven_and_sent_off_once():
    made = night_before()
    assert services.report_nights(SEVEN - timedelta(seconds=1)) == 0
    assert [services.report_nights(SEVEN + timedelta(seconds=s)) for s in (0, 15, 3600)] == [1, 0, 0]
    assert [(job.task, job.args) for job in Job.objects.filter(task="overview.report")] == [
        ("overview.report", {"night_id": made.pk})
    ]


def test_seven_is_by_the_laboratorys_clock(settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    assert services.last_report_time(SEVEN) == datetime(2026, 3, 4, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize(("hours", "sent"), [(-1, 0), (0.1, 1), (12, 1), (71, 1), (73, 0)])
def test_only_nights_that_have_begun_and_are_not_old_are_reported(hours, sent):
    night_before(hours)
    assert services.report_nights(SEVEN) == sent


def test_nobody_is_told_where_nobody_is_named(settings):
    settings.MORNING_REPORT_TO = []
    night_before()
    assert services.report_nights(SEVEN) == 0
    assert not Night.objects.exclude(reported_at=None).exists()


def test_the_mail_adds_up_and_names_no_slide():
    made = night_before(12, "", "", "jam", "blurred")
    services.report_nights(SEVEN)
    worked(Job.objects.get(task="overview.report"))
    (sent,) = mail.outbox
    assert isinstance(sent, mail.EmailMultiAlternatives)
    page = str(sent.alternatives[0][0])
    for text in (str(sent.subject), str(sent.body), page):
        (found,) = re.findall(SUM, text)
        whole, *parts = map(int, found)
        assert (whole, sum(parts)) == (4, 4)
        assert not any(one.slide.barcode in text for one in made.attempts.all())
    assert "Slide jammed (1): 1-3" in str(sent.body)
    assert f"https://lab.example.org/scan/batches/{made.batch_id}/morning/" in page
    assert sent.extra_headers["Message-ID"] == f"<night-{made.pk}-report@localhost>"


def test_a_mail_server_that_is_away_is_asked_again(monkeypatch):
    def away(self: object) -> None:
        raise ConnectionRefusedError("no mail today")

    night_before()
    services.report_nights(SEVEN)
    job = Job.objects.get(task="overview.report")
    monkeypatch.setattr(mail.EmailMultiAlternatives, "send", away)
    worked(job)
    assert (job.done_at, job.failed_at) == (None, None)
    monkeypatch.undo()
    worked(job)
    assert job.done_at
    assert len(mail.outbox) == 1


def test_the_command_sends_it_by_hand(settings, capsys):
    night_before()
    call_command("morning_report", "--mail")
    assert "sent to bench@example.org" in capsys.readouterr().out
    assert len(mail.outbox) == 1
    settings.MORNING_REPORT_TO = []
    with pytest.raises(CommandError, match="names nobody"):
        call_command("morning_report", "--mail")
