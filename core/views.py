"""The pages of what went wrong. Each says what happened, what was kept, and what to do; programs get the
one JSON shape.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from core.errors import NocturneError, NotAllowed, NotFound


class BadRequest(NocturneError):
    code = "bad_request"
    status: ClassVar[int] = 400


class StaleForm(NocturneError):
    code = "stale_form"
    status: ClassVar[int] = 403


class LockedOut(NocturneError):
    code = "locked_out"
    status: ClassVar[int] = 429


class Broken(NocturneError):
    code = "broken"
    status: ClassVar[int] = 500


def told(request: HttpRequest, error: NocturneError) -> HttpResponse:
    """This error as a page, as a fragment for htmx, or as JSON under /api/."""
    if request.path.startswith("/api/"):
        body = {
            "code": error.code,
            "message": error.message,
            "detail": error.detail,
            "retryable": error.retryable,
        }
        return JsonResponse({"error": body}, status=error.status)
    template = "core/error_fragment.html" if getattr(request, "htmx", False) else "core/error.html"
    return render(request, template, {"error": error}, status=error.status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return told(request, BadRequest("The browser sent something that this server does not accept."))


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    return told(request, NotAllowed("Your role does not open this page."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return told(request, NotFound("There is nothing at this address."))


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    return told(request, StaleForm("This form is too old, or it came from somewhere else."))


def locked_out(
    request: HttpRequest,
    original_response: HttpResponse | None = None,
    credentials: Mapping[str, Any] | None = None,
) -> HttpResponse:
    return told(request, LockedOut("Too many wrong passwords for this name from this place."))


def broken(request: HttpRequest) -> HttpResponse:
    """A fault of ours: the page asks nothing of the database, for that may be what broke."""
    error = Broken("Something in the laboratory's own program went wrong.")
    if request.path.startswith("/api/"):
        return told(request, error)
    htmx = request.headers.get("HX-Request") == "true"
    template = "core/error_fragment.html" if htmx else "core/error.html"
    return HttpResponse(render_to_string(template, {"error": error}), status=500)
