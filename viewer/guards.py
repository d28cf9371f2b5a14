"""Who may see which slide's pixels. Asked before any byte is read."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from core.errors import NotAllowed
from core.roles import Role, roles_of
from lims.models import Slide
from lims.states import State

Person = AbstractBaseUser | AnonymousUser

_WITHDRAWN = frozenset({State.WITHDRAWN})
_ALL = frozenset(State)

# A pathologist reads what has been de-identified; who must not know the patient never gets an earlier state.
SEES: dict[str, frozenset[State]] = {
    Role.TECHNICIAN: _ALL - _WITHDRAWN,
    Role.PATHOLOGIST: frozenset({State.DEIDENTIFIED, State.ASSIGNED, State.READ, State.RELEASED}),
    Role.MANAGER: _ALL - _WITHDRAWN,
    Role.STEWARD: _ALL,
    Role.ADMINISTRATOR: _ALL,
}
KNOWS_BARCODE = frozenset({Role.TECHNICIAN, Role.MANAGER, Role.STEWARD, Role.ADMINISTRATOR})


def may_view(user: Person, slide: Slide) -> bool:
    """Whether one of the person's roles sees slides in this state."""
    return any(slide.state in SEES[role] for role in roles_of(user))


def may_know_barcode(user: Person) -> bool:
    """A barcode leads to the patient: a person who only reads is not shown it."""
    return bool(roles_of(user) & KNOWS_BARCODE)


def require_view(user: Person, slide: Slide) -> None:
    """Raise NotAllowed unless `may_view`."""
    if not may_view(user, slide):
        raise NotAllowed("You may not see this slide.", slide=str(slide.uid), state=slide.state)
