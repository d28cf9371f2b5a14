"""Who was let in to a slide a moment ago is let in again without asking the database five questions.

A view of a slide is a burst of requests. Session, person, roles, slide and file are looked up at the first;
the others within `LASTS_S` go by its outcome. A right that is taken away is gone that much later.
"""

import time
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from drf_spectacular.authentication import SessionScheme
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from core.models import User
from viewer.models import VirtualSlide

LASTS_S: Final = 1.0
MOST: Final = 4096

Key = tuple[str, UUID]


@dataclass(frozen=True, slots=True)
class Grant:
    """A person who may see these pixels, and until when nobody need ask again (s, monotonic)."""

    person: Any
    virtual: VirtualSlide
    until: float


_grants: dict[Key, Grant] = {}


def _key(request: Request) -> Key | None:
    cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    uid = request.parser_context["kwargs"].get("uid")
    return (cookie, uid) if cookie and uid else None


def keep(request: Request, virtual: VirtualSlide) -> None:
    """This request's person may see these pixels. Only who came by a session is remembered."""
    key = _key(request)
    if key is None or request.auth is not None or not isinstance(request.user, User):
        return
    if len(_grants) >= MOST:
        _grants.clear()
    _grants[key] = Grant(request.user, virtual, time.monotonic() + LASTS_S)


def forget() -> None:
    """Everybody is looked up anew."""
    _grants.clear()


class ByRecentGrant(BaseAuthentication):
    """The session's person, when the same session was let in to the same slide within the last moment. Only
    to look: what changes something is asked for its CSRF token.
    """

    def authenticate(self, request: Request) -> tuple[User, Grant] | None:
        key = _key(request) if request.method in ("GET", "HEAD") else None
        grant = _grants.get(key) if key else None
        if grant is None or grant.until < time.monotonic():
            return None
        return grant.person, grant


class ByRecentGrantScheme(SessionScheme):  # type: ignore[no-untyped-call]
    """The API's schema knows it as the session's cookie that it is."""

    target_class = ByRecentGrant  # type: ignore[assignment]
    name = "recentCookie"  # a name stands for one class
    priority = 1
