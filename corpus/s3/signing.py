"""Requests signed by AWS Signature Version 4, as every S3-compatible store takes them. Pure.

Source: "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)", Amazon S3 API
reference; its examples are this module's tests.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SERVICE: Final = "s3"
NOTHING: Final = hashlib.sha256(b"").hexdigest()
"""SHA-256 of an empty body."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Who asks. ``token`` belongs to keys that hold for a while only."""

    access: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """What is signed: ``path`` as it is (not quoted), ``headers`` with the host, ``payload`` the SHA-256 of
    the body in hex."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    payload: str


def quoted_query(query: Mapping[str, str]) -> str:
    return "&".join(f"{quote(name, safe='-_.~')}={quote(query[name], safe='-_.~')}" for name in sorted(query))


def quoted_path(path: str) -> str:
    return quote(path, safe="/-_.~")


def signed_headers(request: Request, keys: Keys, region: str, moment: datetime) -> dict[str, str]:
    """The headers to send: those of the request, the date (UTC), the body's hash and the authorization."""
    stamp = f"{moment:%Y%m%dT%H%M%SZ}"
    headers = {name.lower(): value.strip() for name, value in request.headers.items()}
    headers |= {"x-amz-content-sha256": request.payload, "x-amz-date": stamp}
    if keys.token:
        headers["x-amz-security-token"] = keys.token
    names = ";".join(sorted(headers))
    lines = [
        request.method,
        quoted_path(request.path),
        quoted_query(request.query),
        *(f"{name}:{headers[name]}" for name in sorted(headers)),
        "",
        names,
        request.payload,
    ]
    scope = f"{moment:%Y%m%d}/{region}/{SERVICE}/aws4_request"
    asked = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    key = f"AWS4{keys.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, f"{ALGORITHM}\n{stamp}\n{scope}\n{asked}".encode(), "sha256").hexdigest()
    given = f"{ALGORITHM} Credential={keys.access}/{scope},SignedHeaders={names},Signature={signature}"
    return headers | {"authorization": given}
