"""Two people look at one slide together: where each of them looks is kept for a few seconds."""

import math
from collections.abc import Mapping
from typing import Any, Final

from django.core.cache import cache

from annotation.models import Assignment
from core.errors import BadInput, NotAllowed
from core.models import User
from lims.models import Slide

KEPT_S: Final = 15
PLACE: Final = (
    "x",
    "y",
    "s",
    "r",
    "z",
    "t",
)  # as in the link to a view: centre, px per screen px, degrees, layer
LARGEST: Final = 1e9


def companions(person: User, slide: Slide) -> list[User]:
    """Those with whom this person looks at a slide: an opinion was asked and is not answered yet."""
    rows = Assignment.objects.filter(
        slide=slide, purpose=Assignment.Purpose.OPINION, state=Assignment.State.OPEN
    ).select_related("asked_by", "reader__user")
    found = [row.reader.user for row in rows if row.asked_by_id == person.pk]
    found += [row.asked_by for row in rows if row.reader.user_id == person.pk and row.asked_by is not None]
    return found


def show_view(*, slide: Slide, actor: User, place: Mapping[str, Any]) -> None:
    """Tell the companions where this person looks now. Only the last place is kept, and not for long."""
    if not companions(actor, slide):
        raise NotAllowed("Nobody was asked to look at this slide with you.")
    cache.set(_key(slide, actor), {name: _number(place, name) for name in PLACE if name in place}, KEPT_S)


def view_of(*, slide: Slide, other: User, person: User) -> dict[str, float] | None:
    """Where a companion looks; None when they are not there."""
    if other not in companions(person, slide):
        raise NotAllowed("You do not look at this slide together.")
    found: dict[str, float] | None = cache.get(_key(slide, other))
    return found


def _key(slide: Slide, person: User) -> str:
    return f"annotation.view.{slide.uid}.{person.pk}"


def _number(place: Mapping[str, Any], name: str) -> float:
    try:
        value = float(place[name])
    except (TypeError, ValueError) as error:
        raise BadInput(f"`{name}` is a number.", field=name) from error
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise BadInput(f"`{name}` lies far outside any slide.", field=name)
    return value
