"""A person at the laboratory's web server: logs in with the password of the cast and talks to the API."""

import json
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from typing import Any

from tests.system.laboratory import Laboratory

TIMEOUT_S = 60.0


class Person:
    """`Person(laboratory, "tess")` is logged in; what is refused raises urllib.error.HTTPError."""

    def __init__(self, laboratory: Laboratory, name: str) -> None:
        self._root = laboratory.lab.web_url.rstrip("/")
        self._jar = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))
        password = json.loads((laboratory.var / "logins.json").read_text())[name]
        self.get("/login/")
        form = {"username": name, "password": password, "csrfmiddlewaretoken": self._token()}
        self._ask("/login/", urllib.parse.urlencode(form).encode(), "application/x-www-form-urlencoded")

    def get(self, path: str) -> bytes:
        return self._ask(path)

    def see(self, path: str) -> Any:
        return json.loads(self.get(path))

    def post(self, path: str, body: object = None) -> Any:
        answer = self._ask(path, json.dumps(body or {}).encode(), "application/json")
        return json.loads(answer) if answer else None

    def _ask(self, path: str, body: bytes | None = None, kind: str = "") -> bytes:
        headers = {"X-CSRFToken": self._token(), "Content-Type": kind} if body is not None else {}
        request = urllib.request.Request(self._root + path, data=body, headers=headers)  # noqa: S310  our own server
        with self._opener.open(request, timeout=TIMEOUT_S) as answer:
            content: bytes = answer.read()
        return content

    @property
    def cookie(self) -> str:
        """For a client of another kind: the header of who is logged in."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._jar)

    def _token(self) -> str:
        return next((cookie.value or "" for cookie in self._jar if cookie.name == "csrftoken"), "")


def refusal(error: urllib.error.HTTPError) -> dict[str, Any]:
    """The one error shape of the API."""
    found: dict[str, Any] = json.loads(error.read())["error"]
    return found
