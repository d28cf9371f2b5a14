"""A slide moves from one state to the next: by compare-and-swap, with its event and what follows in one
transaction.
"""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.utils import timezone

from core import audit, jobs
from core.errors import BadInput, Conflict, NotAllowed
from core.roles import roles_of
from lims.models import Slide, SlideEvent
from lims.states import BY_HAND, SYSTEM, FailureReason, State, Transition, find

Actor = AbstractBaseUser | AnonymousUser | str


def advance(
    *, slide: Slide, to: str, actor: Actor = SYSTEM, reason: str = "", note: str = "", follow: bool = True
) -> SlideEvent:
    """Move `slide` from the state it was read in to `to`.

    Raises BadInput where a reason is missing, NotAllowed where this person may not, and Conflict where the
    table knows no such step or someone else moved the slide first; then nothing has changed.
    """
    source = slide.state
    step = _step(slide, to)
    _may(step, actor)
    if step.needs_reason and not (reason or note):
        raise BadInput(f"To {step.verb} a slide, say why.", field="reason")
    if reason and reason not in FailureReason.values:
        raise BadInput(f"“{reason}” is not a reason we know.", field="reason", choices=FailureReason.values)
    with transaction.atomic():
        _swap(slide, source, step, reason)
        event = SlideEvent.objects.create(
            slide=slide,
            source=source,
            target=to,
            verb=step.verb,
            actor=audit.name_of(actor),
            reason=reason,
            note=note[:500],
        )
        if not isinstance(actor, str):
            audit.record(
                actor=actor,
                action=f"slide.{step.verb}",
                target=f"slide:{slide.barcode}",
                reason=reason,
                note=note[:500],
            )
        if follow:
            jobs.follow(state=to, slide_id=slide.pk)
            jobs.beside(state=to, slide_id=slide.pk)
    slide.state = to
    return event


def move_by_hand(*, slide: Slide, to: str, actor: Actor, reason: str = "", note: str = "") -> SlideEvent:
    """What a slide's own buttons do. A step of another room (a slot, a reading) is a Conflict."""
    step = _step(slide, to)
    if step.verb not in BY_HAND:
        raise Conflict(f"To {step.verb} a slide is not done by hand here.", verb=step.verb)
    return advance(slide=slide, to=to, actor=actor, reason=reason, note=note)


def _step(slide: Slide, to: str) -> Transition:
    step = find(slide.state, to)
    if step is None or (step.verb == "resume" and to != slide.held_from):
        raise Conflict(
            f"Slide {slide.barcode} is {State(slide.state).label.lower()}: it cannot become {to}.",
            state=slide.state,
            wanted=to,
        )
    return step


def _may(step: Transition, actor: Actor) -> None:
    roles = frozenset({SYSTEM}) if isinstance(actor, str) else roles_of(actor)
    if not roles & set(step.who):
        raise NotAllowed(f"Only {', '.join(step.who)} may {step.verb} a slide.", verb=step.verb)


def _swap(slide: Slide, source: str, step: Transition, reason: str) -> None:
    now = timezone.now()
    failure = reason if step.target in {State.FAILED, State.REJECTED} else ""
    changed = Slide.objects.filter(pk=slide.pk, state=source).update(
        state=step.target,
        state_since=now,
        failure=failure,
        held_from=source if step.target == State.HELD else "",
    )
    if not changed:
        current = Slide.objects.values_list("state", flat=True).get(pk=slide.pk)
        raise Conflict(
            f"Slide {slide.barcode} was moved by someone else; it is now {current}.", state=current
        )
    slide.state_since, slide.failure = now, failure
