"""What was drawn on a slide, and the words to label it with."""

from typing import Any

from django.db.models import QuerySet

from annotation.guards import Person, visible_to
from annotation.models import Annotation, Assignment, Study
from core.models import User
from lims.models import Slide


def drawn_on(slide: Slide, person: Person) -> QuerySet[Annotation]:
    """The annotations that this person may know of: in a blind reading not those of the other reader."""
    return _drawn(slide).filter(visible_to(person, slide))


def signed_off(slide: Slide) -> QuerySet[Annotation]:
    """What may leave: the annotations a reader has signed."""
    return _drawn(slide).filter(locked=True).select_related("assignment__reader")


def _drawn(slide: Slide) -> QuerySet[Annotation]:
    rows = Annotation.objects.filter(slide=slide, deleted=False)
    return rows.select_related("author", "slide").order_by("pk")


def open_assignment_of(slide: Slide, user: User) -> Assignment | None:
    return Assignment.objects.filter(slide=slide, state=Assignment.State.OPEN, reader__user=user).first()


def vocabulary(study: Study | None) -> list[dict[str, str]]:
    """The words of a study in their order: label, colour, key."""
    terms = study.terms.all() if study else ()
    return [{"label": term.label, "colour": term.colour, "key": term.key} for term in terms]


def as_dict(annotation: Annotation) -> dict[str, Any]:
    """An annotation as the API tells it; `id` is the browser's own id."""
    return {
        "id": str(annotation.client_id),
        "client_id": str(annotation.client_id),
        "slide": str(annotation.slide.uid),
        "kind": annotation.kind,
        "geometry": annotation.geometry,
        "label": annotation.label,
        "comment": annotation.comment,
        "negative": annotation.negative,
        "layer": annotation.layer,
        "origin": annotation.origin,
        "version": annotation.version,
        "deleted": annotation.deleted,
        "locked": annotation.locked,
        "author": annotation.author.username,
        "assignment": annotation.assignment_id,
        "updated_at": annotation.updated_at.isoformat(),
    }
