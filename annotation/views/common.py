"""What the pages of reading share: who asks, about which assignment, with which words."""

from typing import Any, cast

from django.http import HttpRequest

from annotation.models import Assignment
from core.errors import BadInput, NotFound
from core.models import User
from core.roles import Role

PLANNERS = (Role.MANAGER, Role.ADMINISTRATOR)


def person(request: HttpRequest) -> User:
    return cast(User, request.user)  # role_required let nobody else in


def assignment_of(pk: int) -> Assignment:
    rows = Assignment.objects.select_related(
        "slide__block__specimen__case", "reader__user", "asked_by", "study"
    )
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such assignment.")
    return found


def said(form: Any) -> dict[str, Any]:
    """What a form holds, or BadInput that says what is wrong with it."""
    if not form.is_valid():
        wrong = "; ".join(f"{field}: {' '.join(errors)}" for field, errors in form.errors.items())
        raise BadInput(f"This could not be used: {wrong}", fields=form.errors)
    return cast(dict[str, Any], form.cleaned_data)
