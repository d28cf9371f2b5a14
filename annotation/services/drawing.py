"""A stroke is saved: at once, under the browser's own id, every save a version, and never over somebody
else's.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation.geometry import checked
from annotation.guards import may_draw_on
from annotation.models import Annotation, AnnotationVersion, Assignment
from annotation.queries import as_dict, open_assignment_of
from core.errors import BadInput, Conflict, NotAllowed
from core.models import User
from core.roles import Role, has_role
from lims.models import Slide
from lims.states import State

LONGEST_COMMENT = 10_000
LONGEST_LABEL = 100


@dataclass(frozen=True)
class Stroke:
    """One annotation as a browser sends it. `version` is the one the change was made on; None for a new
    one.
    """

    client_id: uuid.UUID
    kind: str
    geometry: Mapping[str, Any]
    label: str = ""
    comment: str = ""
    version: int | None = None


def save_annotation(*, slide: Slide, stroke: Stroke, actor: User) -> Annotation:
    """Create or change one annotation.

    A create or a change that is sent twice is stored once. A change needs the version it was made on:
    Conflict carries the current annotation in `detail["current"]` when another tab was first, or when the
    slide was signed off. A change on the version that deleted it brings an annotation back.
    """
    content = _content(stroke)
    if stroke.version is None:
        return _create(slide, stroke.client_id, content, actor)
    return _change(_existing(slide, stroke.client_id), stroke.version, content, actor)


def delete_annotation(*, annotation: Annotation, version: int, actor: User) -> Annotation:
    """Take an annotation away: its rows stay, the picture and the exports no longer show it."""
    content = {"deleted": True}
    if annotation.deleted:
        return annotation
    return _change(annotation, version, content, actor)


def _content(stroke: Stroke) -> dict[str, Any]:
    if len(stroke.comment) > LONGEST_COMMENT:
        raise BadInput(f"A comment has at most {LONGEST_COMMENT:,} characters.", field="comment")
    if len(stroke.label) > LONGEST_LABEL:
        raise BadInput(f"A label has at most {LONGEST_LABEL} characters.", field="label")
    for field, text in (("label", stroke.label), ("comment", stroke.comment)):
        if "\x00" in text:
            raise BadInput(f"The {field} holds a NUL character.", field=field)
    return {
        "kind": stroke.kind,
        "geometry": checked(stroke.kind, stroke.geometry),
        "label": stroke.label.strip(),
        "comment": stroke.comment,
        "deleted": False,
    }


def _existing(slide: Slide, client_id: uuid.UUID) -> Annotation:
    found = Annotation.objects.filter(client_id=client_id, slide=slide).first()
    if found is None:
        raise Conflict("There is no such annotation on this slide any more.", current=None)
    return found


def _create(slide: Slide, client_id: uuid.UUID, content: dict[str, Any], actor: User) -> Annotation:
    twin = Annotation.objects.filter(client_id=client_id).first()
    if twin is None:
        try:
            return _insert(slide, client_id, content, actor)
        except IntegrityError:
            twin = Annotation.objects.get(
                client_id=client_id
            )  # the same request, sent twice at the same moment
    return _as_sent(twin, slide, content, actor)


def _as_sent(twin: Annotation, slide: Slide, content: dict[str, Any], actor: User) -> Annotation:
    """The stored twin of a create that is sent again; a Conflict where it says something else: it may be an
    older one that comes late.
    """
    if twin.slide_id != slide.pk or twin.author_id != actor.pk:
        raise Conflict("This client id is taken by another annotation.", current=None)
    if not _says(twin, content):
        raise Conflict(_why(twin), current=as_dict(twin))
    return twin


@transaction.atomic
def _insert(slide: Slide, client_id: uuid.UUID, content: dict[str, Any], actor: User) -> Annotation:
    fresh = Slide.objects.get(pk=slide.pk)  # the caller may have read it before somebody signed it off
    may_draw_on(actor, fresh)
    assignment = open_assignment_of(fresh, actor)
    if assignment is None and fresh.state == State.ASSIGNED and not has_role(actor, Role.ADMINISTRATOR):
        raise Conflict("The slide is signed off or given back: nothing can be drawn on it.", current=None)
    annotation = Annotation.objects.create(
        client_id=client_id, slide=slide, author=actor, assignment=assignment, **content
    )
    _write_version(annotation, actor)
    _still_open(annotation)
    return annotation


def _change(annotation: Annotation, version: int, content: dict[str, Any], actor: User) -> Annotation:
    if annotation.author_id != actor.pk and not has_role(actor, Role.ADMINISTRATOR):
        raise NotAllowed("Only its author may change an annotation.")
    with transaction.atomic():
        won = Annotation.objects.filter(pk=annotation.pk, version=version, locked=False).update(
            version=version + 1, updated_at=timezone.now(), **content
        )
        annotation.refresh_from_db()
        if not won and annotation.version == version + 1 and _says(annotation, content):
            return annotation  # the reply to this very change was lost, and it is sent again
        if not won:
            raise Conflict(_why(annotation), current=as_dict(annotation))
        _write_version(annotation, actor)
        _still_open(annotation)
    return annotation


def _says(annotation: Annotation, content: dict[str, Any]) -> bool:
    return all(getattr(annotation, field) == value for field, value in content.items())


def _why(annotation: Annotation) -> str:
    if annotation.locked:
        return "The slide is signed off: its annotations are locked."
    if annotation.deleted:
        return "This annotation was deleted in another window."
    return f"This annotation was changed in another window: it is at version {annotation.version}."


def _still_open(annotation: Annotation) -> None:
    """Nothing slips in behind a signature: touching the assignment waits for or loses to whoever ends it."""
    if annotation.assignment_id is None:
        return
    touched = Assignment.objects.filter(pk=annotation.assignment_id, state=Assignment.State.OPEN).update(
        touched_at=timezone.now()
    )
    if not touched:
        raise Conflict("The slide is signed off or given back: nothing can be drawn on it.", current=None)


def _write_version(annotation: Annotation, actor: User) -> None:
    AnnotationVersion.objects.create(
        annotation=annotation,
        version=annotation.version,
        kind=annotation.kind,
        geometry=annotation.geometry,
        label=annotation.label,
        comment=annotation.comment,
        negative=annotation.negative,
        layer=annotation.layer,
        deleted=annotation.deleted,
        author=actor,
    )
