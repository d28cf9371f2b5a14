"""What every page's frame knows: who is here and which rooms are open to them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from core.roles import EVERYONE, Role, roles_of


@dataclass(frozen=True)
class Room:
    """One entry of the main menu."""

    label: str
    route: str
    roles: tuple[Role, ...]
    also: str = ""  # addresses that belong to this room and do not lie below its own, parted by blanks


BENCH = (Role.TECHNICIAN, Role.MANAGER, Role.ADMINISTRATOR)
ROOMS = (
    Room("Home", "home", EVERYONE),
    Room("Slides", "lims:slides", EVERYONE),
    Room("Cases", "lims:cases", (*BENCH, Role.STEWARD)),
    Room("Batches", "lims:batches", BENCH, also="/scan/batches/ /scan/snapshots/ /scan/quality/"),
    Room("Scanners", "scanning:scanners", BENCH, also="/scan/imports/ /scan/profiles/"),
    Room("Alerts", "scanning:alerts", BENCH),
    Room("Worklist", "annotation:worklist", (Role.PATHOLOGIST, Role.ADMINISTRATOR)),
    Room("Assignments", "annotation:assignments", (Role.MANAGER, Role.ADMINISTRATOR)),
    Room("De-identification", "deidentify:list", (Role.STEWARD, Role.ADMINISTRATOR)),
    Room("Search", "corpus:search", (Role.PATHOLOGIST, Role.STEWARD, Role.MANAGER, Role.ADMINISTRATOR)),
    Room("Releases", "corpus:releases", (Role.STEWARD, Role.MANAGER, Role.ADMINISTRATOR)),
    Room("Figures", "overview:figures", (Role.MANAGER, Role.ADMINISTRATOR)),
)


def laboratory(request: HttpRequest) -> dict[str, Any]:
    roles = roles_of(request.user) if hasattr(request, "user") else frozenset()
    mine = [(room, address) for room in ROOMS if roles & set(room.roles) and (address := _address(room))]
    return {"my_roles": roles, "rooms": mine, "room_here": _here(request.path, mine)}


def _address(room: Room) -> str:
    """Empty where these pages do not stand (an app is left out)."""
    try:
        return reverse(room.route)
    except NoReverseMatch:
        return ""


def _here(path: str, rooms: Iterable[tuple[Room, str]]) -> Room | None:
    """The room in which a page stands: of several addresses above it the longest; the root only itself."""
    above = [
        (len(one), room)
        for room, address in rooms
        for one in (address, *room.also.split())
        if path == one or (one != "/" and path.startswith(one))
    ]
    return max(above, key=lambda found: found[0])[1] if above else None
