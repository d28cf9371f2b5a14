"""May this person do that, to this slide, now? And whose annotations do they see?"""

from enum import StrEnum
from typing import Final

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Q

from annotation.models import Assignment
from annotation.studies import sealed
from core.errors import Conflict, NotAllowed
from core.roles import Role, has_role
from lims.models import Slide
from lims.services import Actor
from lims.states import State

READERS = (Role.PATHOLOGIST, Role.ADMINISTRATOR)
DRAWABLE = frozenset({State.SCANNED, State.DEIDENTIFIED, State.ASSIGNED})
Purpose = Assignment.Purpose
Person = AbstractBaseUser | AnonymousUser


class Eye(StrEnum):
    """Who looks at the annotations of a slide; the first that is true counts."""

    THIRD = "settles it between two readers"
    READER = "reads it, or has read it"
    ASKED = "was asked for an opinion"
    OFFICE = "manager, steward or administrator"
    COLLEAGUE = "any other pathologist"


class Sight(StrEnum):
    OWN = "their own"
    ASKER = "their own and the asker's"
    ALL = "everybody's"


# Whose annotations they see while a slide is read blindly by two (sealed), and otherwise.
SIGHT: Final[dict[Eye, tuple[Sight, Sight]]] = {
    #               sealed       open
    Eye.THIRD: (Sight.ALL, Sight.ALL),
    Eye.READER: (Sight.OWN, Sight.ALL),
    Eye.ASKED: (Sight.ASKER, Sight.ALL),
    Eye.OFFICE: (Sight.ALL, Sight.ALL),
    Eye.COLLEAGUE: (Sight.OWN, Sight.ALL),
}


def eye_of(person: Person, slide: Slide) -> Eye:
    rows = Assignment.objects.filter(slide=slide, reader__user__pk=person.pk or 0)
    purposes = set(rows.exclude(state=Assignment.State.RETURNED).values_list("purpose", flat=True))
    if Purpose.THIRD in purposes:
        return Eye.THIRD
    if purposes & {Purpose.FIRST, Purpose.SECOND}:
        return Eye.READER
    if Purpose.OPINION in purposes:
        return Eye.ASKED
    office = has_role(person, Role.MANAGER, Role.STEWARD, Role.ADMINISTRATOR)
    return Eye.OFFICE if office else Eye.COLLEAGUE


def sight_of(person: Person, slide: Slide) -> Sight:
    blind, open_to = SIGHT[eye_of(person, slide)]
    return blind if sealed(slide) else open_to


def visible_to(person: Person, slide: Slide) -> Q:
    """Which annotations of a slide this person may know of."""
    sight = sight_of(person, slide)
    if sight == Sight.ALL:
        return Q()
    own = Q(author_id=person.pk)
    if sight == Sight.OWN:
        return own
    asked = Assignment.objects.filter(slide=slide, reader__user__pk=person.pk or 0, purpose=Purpose.OPINION)
    return own | Q(author__in=asked.values("asked_by"))


def may_work_on(actor: Actor, assignment: Assignment, *, managers: bool = False) -> None:
    """Its own reader, an administrator, the laboratory itself; a manager where `managers` says so."""
    if isinstance(actor, str) or assignment.reader.user_id == actor.pk or has_role(actor, Role.ADMINISTRATOR):
        return
    if managers and has_role(actor, Role.MANAGER):
        return
    raise NotAllowed("This slide is on another reader's list.")


def may_draw_on(actor: Actor, slide: Slide) -> None:
    if isinstance(actor, str) or not has_role(actor, *READERS):
        raise NotAllowed("Only a pathologist may annotate.")
    if slide.state not in DRAWABLE:
        raise Conflict(
            f"Slide {slide.barcode} is {State(slide.state).label.lower()}: it takes no annotations.",
            current=None,
        )
    held = Assignment.objects.filter(slide=slide, state=Assignment.State.OPEN, reader__user__pk=actor.pk or 0)
    if slide.state == State.ASSIGNED and not has_role(actor, Role.ADMINISTRATOR) and not held.exists():
        raise NotAllowed("This slide is on another reader's list.")
