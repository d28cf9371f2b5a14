"""The five roles, as Django groups, and the two doors that ask for them."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, cast

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.db import models
from django.http import HttpRequest, HttpResponseBase
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from core.errors import NotAllowed

if TYPE_CHECKING:  # rest_framework.views loads the default door below while it is itself being loaded
    from rest_framework.views import APIView

P = ParamSpec("P")


class Role(models.TextChoices):
    TECHNICIAN = "technician", "Technician"
    PATHOLOGIST = "pathologist", "Pathologist"
    MANAGER = "manager", "Manager"
    STEWARD = "steward", "Data steward"
    ADMINISTRATOR = "administrator", "Administrator"


EVERYONE = tuple(Role)


def roles_of(user: AbstractBaseUser | AnonymousUser) -> frozenset[str]:
    """The roles of a person; an administrator of the site has them all."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    if getattr(user, "is_superuser", False):
        return frozenset(Role.values)
    cached = getattr(user, "_nocturne_roles", None)
    if cached is None:
        groups = getattr(user, "groups")  # noqa: B009  AbstractBaseUser has no groups; ours does
        cached = frozenset(groups.values_list("name", flat=True)) & frozenset(Role.values)
        user._nocturne_roles = cached  # type: ignore[attr-defined]  # noqa: SLF001
    return cast(frozenset[str], cached)


def has_role(user: AbstractBaseUser | AnonymousUser, *roles: Role) -> bool:
    return bool(roles_of(user) & set(roles))


def role_required(
    *roles: Role,
) -> Callable[
    [Callable[Concatenate[HttpRequest, P], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, P], HttpResponseBase],
]:
    """A page for these roles: strangers go to the log-in, others are told which role it needs."""

    def decorate(
        view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not has_role(request.user, *roles):
                names = " or ".join(role.label.lower() for role in roles)
                raise NotAllowed(f"This page is for a {names}.", roles=[str(role) for role in roles])
            return view(request, *args, **kwargs)

        guarded.roles = roles  # type: ignore[attr-defined]
        return guarded

    return decorate


class DenyUnlessDeclared(BasePermission):
    """The API's default door: an endpoint that names no roles lets nobody in."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return False


def for_roles(*read: Role, write: tuple[Role, ...] = ()) -> type[BasePermission]:
    """The same door for the API: who may read, and who may change (the readers where nothing is said)."""

    class RolePermission(BasePermission):
        readers = read
        writers = write or read

        def has_permission(self, request: Request, view: "APIView") -> bool:
            allowed = self.readers if request.method in {"GET", "HEAD", "OPTIONS"} else self.writers
            return has_role(request.user, *allowed)

        def has_object_permission(self, request: Request, view: "APIView", obj: Any) -> bool:
            return self.has_permission(request, view)

    return RolePermission
