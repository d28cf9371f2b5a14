"""Addresses that open one slide for a short while without a session: for an `<img>` elsewhere, for other
programs and static viewers.

A token names the person who asked for it, the slide, the version of its pixels and when it ends. It says who
asks, nothing more: what that person may see is looked up anew at each request, so a right that is taken away
is gone at once. Its HMAC is compared in constant time. New tokens are signed with the first of
VIEWER_SIGNING_KEYS, and each of them is believed, so that keys can be changed without a gap.
"""

import time
from dataclasses import astuple, dataclass
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core import signing
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from core.errors import NotAllowed
from core.models import User

SHORTEST_S: Final = 10
USUAL_S: Final = 15 * 60
LONGEST_S: Final = 12 * 3600
_SALT: Final = "viewer.signing"


@dataclass(frozen=True, slots=True)
class Pass:
    """What a token says."""

    person: int
    slide: str
    version: str
    ends: int

    @property
    def seconds_left(self) -> int:
        return max(0, self.ends - int(time.time()))

    def opens(self, uid: UUID, version: str) -> bool:
        return self.slide == str(uid) and self.version == version


def _keys() -> list[str | bytes]:
    given: list[str] = settings.VIEWER_SIGNING_KEYS
    return [*(given or (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))]


def sign(*, person: User, uid: UUID, version: str, seconds: int) -> tuple[str, Pass]:
    """A token of these few seconds. Who calls has looked whether the person may see the slide."""
    made = Pass(person.pk, str(uid), version, int(time.time()) + seconds)
    return signing.dumps(astuple(made), key=_keys()[0], salt=_SALT), made


def read_token(token: str) -> Pass:
    """Raises NotAllowed for a token that is forged, damaged, of an old key or over."""
    first, *others = _keys()
    try:
        told = Pass(*signing.loads(token, key=first, salt=_SALT, fallback_keys=others))
    except signing.BadSignature as error:
        raise NotAllowed("This address is not signed by this laboratory.") from error
    if not told.seconds_left:
        raise NotAllowed("This address has ended: ask for a new one.")
    return told


class BySignature(BaseAuthentication):
    """Who asks below `signed/<token>/` is the person who signed it, whatever cookie comes along."""

    def authenticate(self, request: Request) -> tuple[User, Pass] | None:
        token = request.parser_context["kwargs"].get("token")
        if token is None:
            return None
        told = read_token(token)
        person = User.objects.filter(pk=told.person, is_active=True).first()
        if person is None:
            raise NotAllowed("Whoever signed this address is not here any more.")
        return person, told


class BySignatureScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """What the API's schema says of it."""

    target_class = BySignature
    name = "signedAddress"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",  # OpenAPI knows no key in a path
            "scheme": "signed-address",
            "description": "no header: the address itself, from POST /viewer/{uid}/sign, for a short while",
        }
