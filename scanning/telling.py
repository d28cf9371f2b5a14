"""Where an alert goes beside the pages: by mail, and to a webhook. What a channel says against it is kept.

No barcode and no name of a person is in an alert: mail and chat leave the house.
"""

import hashlib
import hmac
import json
import smtplib
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage

from core.errors import Unavailable
from scanning.models import Alert

TIMEOUT_S = 10.0
SIGNATURE = "X-Nocturne-Signature"


class NotTold(Unavailable):
    """A channel did not take an alert."""

    code = "not_told"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What was signed for one address is not carried to another."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def channels(alert: Alert) -> Mapping[str, Callable[[Alert], None]]:
    """Those that the settings name, at the moment that this alert is in: mail hears only the beginning."""
    found: dict[str, Callable[[Alert], None]] = {}
    if settings.ALERT_MAIL_TO:
        found["mail"] = by_mail
    if settings.ALERT_WEBHOOK_URL:
        found["webhook"] = by_webhook
        if alert.cleared_at:
            found["webhook, cleared"] = by_webhook
    return found


def by_mail(alert: Alert) -> None:
    subject = f"Nocturne: {alert.get_kind_display()}: {alert.subject}"
    body = f"{alert.message}\n\nSince {alert.raised_at:%Y-%m-%d %H:%M} UTC.\n"
    try:
        EmailMessage(subject[:200], body, to=settings.ALERT_MAIL_TO).send()
    except (smtplib.SMTPException, OSError) as error:
        raise NotTold(f"{type(error).__name__}: {error}") from error


def by_webhook(alert: Alert) -> None:
    """JSON, signed: `X-Nocturne-Signature: sha256=HMAC(secret, body)`."""
    body = json.dumps(content(alert), sort_keys=True).encode()
    headers = {"Content-Type": "application/json"}
    if settings.ALERT_WEBHOOK_SECRET:
        headers[SIGNATURE] = f"sha256={signature(settings.ALERT_WEBHOOK_SECRET, body)}"
    ask(settings.ALERT_WEBHOOK_URL, body, headers)


def content(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.pk,
        "kind": alert.kind,
        "subject": alert.subject,
        "message": alert.message,
        "raised_at": alert.raised_at.isoformat(),
        "cleared_at": alert.cleared_at.isoformat() if alert.cleared_at else None,
    }


def signature(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def ask(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> None:
    """One request, with patience for ten seconds. Raises NotTold unless it was answered with success."""
    if not url.startswith(("http://", "https://")):
        raise NotTold(f"{url.partition(':')[0]} is not an address for HTTP")
    try:
        request = urllib.request.Request(url, data=body, headers=dict(headers or {}))  # noqa: S310  checked above
        with _opener.open(request, timeout=TIMEOUT_S):
            return
    except urllib.error.HTTPError as error:
        error.close()
        raise NotTold(f"answered with status {error.code}") from error
    except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
        raise NotTold(f"{type(error).__name__}: {error}") from error
