"""Who asks."""

from typing import cast

from django.http import HttpRequest

from core.models import User


def person(request: HttpRequest) -> User:
    return cast(User, request.user)
