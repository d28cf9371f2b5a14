"""The API's shape: one error form and one page form. (Who may enter is `core.roles`.)"""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.response import Response
from rest_framework.views import set_rollback

from core.errors import NocturneError


class Pages(LimitOffsetPagination):
    default_limit = 50
    max_limit = 500


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Every refusal as {"error": {"code", "message", "detail", "retryable"}}."""
    if isinstance(error, NocturneError):
        set_rollback()
        return shape(error.status, error.code, error.message, error.detail, error.retryable)
    if isinstance(error, Http404):
        return shape(404, "not_found", "There is no such thing.")
    if isinstance(error, PermissionDenied):
        return shape(403, "not_allowed", "You may not do this.")
    if isinstance(error, DjangoValidationError):  # a value that a model's field cannot be: no UUID, no date
        return shape(400, "bad_input", "; ".join(error.messages))
    if isinstance(error, exceptions.ValidationError):
        return shape(400, "bad_input", "Some of what was sent cannot be used.", {"fields": error.detail})
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    return None


def _of_framework(error: exceptions.APIException) -> Response:
    codes = {
        status.HTTP_401_UNAUTHORIZED: "not_authenticated",
        status.HTTP_403_FORBIDDEN: "not_allowed",
        status.HTTP_404_NOT_FOUND: "not_found",
        status.HTTP_405_METHOD_NOT_ALLOWED: "method_not_allowed",
        status.HTTP_429_TOO_MANY_REQUESTS: "slow_down",
    }
    code = codes.get(error.status_code, "bad_input")
    return shape(error.status_code, code, str(error.detail), retryable=code == "slow_down")


def shape(
    status_code: int,
    code: str,
    message: str,
    detail: Mapping[str, Any] | None = None,
    retryable: bool = False,
) -> Response:
    body = {"error": {"code": code, "message": message, "detail": detail or {}, "retryable": retryable}}
    return Response(body, status=status_code)
