"""May this person do that, to this slide, now?"""

from annotation.models import Assignment
from core.errors import Conflict, NotAllowed
from core.roles import Role, has_role
from lims.models import Slide
from lims.services import Actor
from lims.states import State

DRAWABLE = frozenset({State.SCANNED, State.DEIDENTIFIED, State.ASSIGNED})


def may_work_on(actor: Actor, assignment: Assignment, *, managers: bool = False) -> None:
    """Its own reader, an administrator, the laboratory itself; a manager where `managers` says so."""
    if isinstance(actor, str) or assignment.reader.user_id == actor.pk or has_role(actor, Role.ADMINISTRATOR):
        return
    if managers and has_role(actor, Role.MANAGER):
        return
    raise NotAllowed("This slide is on another reader's list.")


def may_draw_on(actor: Actor, slide: Slide) -> None:
    if isinstance(actor, str) or not has_role(actor, Role.PATHOLOGIST, Role.ADMINISTRATOR):
        raise NotAllowed("Only a pathologist may annotate.")
    if slide.state not in DRAWABLE:
        raise Conflict(
            f"Slide {slide.barcode} is {State(slide.state).label.lower()}: it takes no annotations.",
            current=None,
        )
    holder = (
        Assignment.objects.filter(slide=slide, state=Assignment.State.OPEN).select_related("reader").first()
    )
    mine = holder is not None and holder.reader.user_id == actor.pk
    if slide.state == State.ASSIGNED and not mine and not has_role(actor, Role.ADMINISTRATOR):
        raise NotAllowed("This slide is on another reader's list.")
