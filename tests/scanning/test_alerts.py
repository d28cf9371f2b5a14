"""Alerts: raised once, cleared by themselves, told by mail and webhook, and quiet where they may be."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core import mail
from django.utils import timezone

from core.models import AuditEntry, Job
from scanning import services
from scanning.models import Alert
from scanning.queries import open_alerts, unseen_alerts
from scanning.services.alerts import Finding, clear, raise_alert, settle
from scanning.telling import NotTold, ask

pytestmark = pytest.mark.django_db
LOST = Finding(Alert.Kind.SCANNER_LOST, "one", "one does not answer")
FULL = Finding(Alert.Kind.DISK_LOW, "disk", "Only 1 GiB")
MANY = Finding(Alert.Kind.MANY_FAILURES, "Night", "3 of 10 have failed")
ENDED = Finding(Alert.Kind.NIGHT_ENDED, "Night", "3 slides = 3 published")


class Ears(BaseHTTPRequestHandler):
    """The other end of a webhook: keeps what it hears, answers what it is told to."""

    heard: list[tuple[dict[str, str], bytes]]
    answers: list[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.heard.append((dict(self.headers), body))
        self.send_response(self.answers.pop(0) if self.answers else 204)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    do_GET = do_POST  # noqa: N815  the name that the server asks for

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def ears(settings) -> Iterator[type[Ears]]:
    kind = type("OwnEars", (Ears,), {"heard": [], "answers": []})
    server = HTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings.ALERT_WEBHOOK_URL = f"http://127.0.0.1:{server.server_port}/hook"
    settings.ALERT_WEBHOOK_SECRET = "known to both"
    yield kind
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def post(settings) -> None:
    settings.ALERT_MAIL_TO = ["bench@lab.example"]


def raised(finding: Finding) -> Alert:
    alert = raise_alert(finding)
    assert alert is not None
    return alert


def letters() -> int:
    return Job.objects.filter(task="scanning.tell").count()


def test_one_thing_is_raised_once_and_cleared_when_it_is_right_again(post):
    settle([LOST, FULL])
    settle([LOST, FULL])
    assert [alert.kind for alert in open_alerts()] == ["disk_low", "scanner_lost"]
    settle([LOST])
    assert [alert.kind for alert in open_alerts()] == ["scanner_lost"]
    settle([])
    assert (open_alerts().count(), Alert.objects.count(), letters()) == (0, 2, 2)


def test_what_comes_and_goes_is_written_down_each_time_and_told_once(post):
    for _ in range(5):
        settle([LOST])
        settle([])
    assert (Alert.objects.count(), letters()) == (5, 1)
    Alert.objects.update(raised_at=timezone.now() - timedelta(hours=1))
    settle([LOST])
    assert letters() == 2


def test_without_channels_nothing_is_sent():
    raise_alert(LOST)
    assert letters() == 0


def test_the_news_of_a_nights_end_stays_until_somebody_has_seen_it(technician):
    alert = raised(ENDED)
    settle([])
    assert list(open_alerts()) == [alert]
    services.see(alert=alert, actor=technician)
    assert (open_alerts().count(), AuditEntry.objects.filter(action="alert.see").count()) == (0, 1)


def test_the_most_urgent_comes_first_and_what_was_seen_not_at_all(technician):
    for finding in (LOST, ENDED, MANY, FULL):
        raised(finding)
    urgent = [alert.kind for alert in unseen_alerts()]
    assert urgent == ["disk_low", "scanner_lost", "many_failures", "night_ended"]
    services.see(alert=Alert.objects.get(kind="disk_low"), actor=technician)
    assert [alert.kind for alert in unseen_alerts()] == urgent[1:]


def test_a_mail_says_what_is_wrong(post):
    alert = raised(LOST)
    services.tell(alert=alert)
    services.tell(alert=alert)
    assert [letter.to for letter in mail.outbox] == [["bench@lab.example"]]
    assert mail.outbox[0].subject == "Nocturne: Scanner does not answer: one"
    assert "at" in Alert.objects.get().sent["mail"]


def test_a_webhook_is_signed_and_hears_also_that_it_is_over(ears):
    alert = raised(LOST)
    services.tell(alert=alert)
    clear(kind=alert.kind, subject=alert.subject)
    assert letters() == 2
    services.tell(alert=Alert.objects.get())
    (first, body), (_, second) = ears.heard
    wanted = hmac.new(b"known to both", body, hashlib.sha256).hexdigest()
    assert first["X-Nocturne-Signature"] == f"sha256={wanted}"
    assert (json.loads(body)["kind"], json.loads(body)["cleared_at"]) == ("scanner_lost", None)
    assert json.loads(second)["cleared_at"] is not None


def test_a_channel_that_fails_is_written_down_tried_again_and_keeps_no_other_from_it(ears, post):
    alert = raised(LOST)
    ears.answers.append(500)
    with pytest.raises(NotTold):
        services.tell(alert=alert)
    said = Alert.objects.get().sent
    assert (said["webhook"], "at" in said["mail"]) == (
        {"error": "answered with status 500", "tries": 1},
        True,
    )
    services.tell(alert=Alert.objects.get())
    assert ("at" in Alert.objects.get().sent["webhook"], len(mail.outbox)) == (True, 1)


@pytest.mark.parametrize("answer", [301, 302, 307, 404])
def test_what_was_signed_for_one_address_goes_to_no_other(ears, settings, answer):
    ears.answers.append(answer)
    with pytest.raises(NotTold, match=str(answer)):
        ask(settings.ALERT_WEBHOOK_URL, b"{}")
    assert len(ears.heard) == 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://127.0.0.1:1/", "http://[::1", "ftp://x"])
def test_an_address_that_cannot_be_asked_says_so(url):
    with pytest.raises(NotTold):
        ask(url)


def test_a_mail_server_that_is_away_says_so(post, settings):
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 1
    with pytest.raises(NotTold, match="ConnectionRefusedError"):
        services.tell(alert=raised(LOST))
