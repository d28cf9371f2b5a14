"""Annotations from a file come onto a slide: first looked at, then brought in, together or not at all.

Each becomes a row of the person who brings it, with an id that follows from slide, person and shape: the
same file twice makes no twins. What the file says beyond our own fields stays in `extra`, so that an export
in the same format gives it back; what concerns the whole file stands in its first row.
"""

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation import exchange, queries
from annotation.exchange import Document, ExchangeError, Shape
from annotation.exchange.told import split
from annotation.geometry import checked, positions
from annotation.guards import DRAWABLE, READERS, may_draw_on
from annotation.models import Annotation, AnnotationVersion, Assignment
from annotation.services.drawing import LONGEST_COMMENT, LONGEST_LABEL
from core import audit
from core.errors import BadInput, Conflict
from core.models import User
from core.roles import Role, has_role
from lims.models import Slide
from lims.states import State

LARGEST: Final = 64 * 1024 * 1024
MOST: Final = 100_000
BATCH: Final = 500
TRIES: Final = 3


@dataclass(frozen=True)
class Seen:
    """What a file holds, before anything is written. `rows` are those that would be made, `back` those that
    were deleted here and would come back.
    """

    form: str
    sha256: str
    rows: list[Annotation]
    back: list[Annotation]
    here: int
    kinds: Counter[str]
    labels: Counter[str]
    outside: int
    refused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def by_label(self) -> list[tuple[str, int]]:
        """The most frequent first: a template that asks a Counter for a method gets that key's count."""
        return self.labels.most_common()

    @property
    def by_kind(self) -> list[tuple[str, int]]:
        return self.kinds.most_common()

    @property
    def new(self) -> int:
        return len(self.rows) + len(self.back)


def may_bring(actor: User, slide: Slide) -> None:
    """Who may draw on it; and a steward, on any slide that takes annotations."""
    if not has_role(actor, Role.STEWARD) or has_role(actor, *READERS):
        may_draw_on(actor, slide)
    elif slide.state not in DRAWABLE:
        said = State(slide.state).label.lower()
        raise Conflict(f"This slide is {said}: it takes no annotations.", current=None)


def look_at_file(*, slide: Slide, content: bytes, actor: User, size: tuple[int, int]) -> Seen:
    """What would be brought in, and what would not; `size` is the slide's in px. Raises BadInput for a file
    that cannot be read at all.
    """
    if len(content) > LARGEST:
        raise BadInput(f"A file has at most {LARGEST // 2**20} MB.", field="file")
    try:
        form, document = exchange.recognised(content)
    except ExchangeError as error:
        raise BadInput(str(error), field="file") from error
    if len(document.shapes) > MOST:
        raise BadInput(f"A file holds at most {MOST:,} annotations.", field="file")
    digest = hashlib.sha256(content).hexdigest()
    return look_at(slide=slide, document=document, form=form, digest=digest, actor=actor, size=size)


def look_at(
    *, slide: Slide, document: Document, form: str, digest: str, actor: User, size: tuple[int, int]
) -> Seen:
    """The same of a document that is read already; `form` becomes the annotations' origin."""
    refused: list[str] = []
    made = list(_rows(slide, document, actor, form, digest, refused))
    notes = list(document.notes)
    seen = Seen(form, digest, [], [], 0, *_told(made, size), refused, notes)
    return _sorted_out(slide, made, actor, seen, _head(form, document))


def _head(form: str, document: Document) -> dict[str, Any]:
    """What concerns the whole file."""
    layers = [asdict(layer) for layer in document.layers]
    return {"form": form, "mpp": document.mpp, "extra": dict(document.extra), "layers": layers}


def _told(made: list[Annotation], size: tuple[int, int]) -> tuple[Counter[str], Counter[str], int]:
    outside = sum(
        any(not (0 <= x <= size[0] and 0 <= y <= size[1]) for x, y in positions(row.geometry["coordinates"]))
        for row in made
    )
    return Counter(str(row.kind) for row in made), Counter(row.label for row in made), outside


def _sorted_out(slide: Slide, made: list[Annotation], actor: User, seen: Seen, head: dict[str, Any]) -> Seen:
    """The rows that are not here yet, those that were deleted, and how many are."""
    known = {row.client_id: row for row in Annotation.objects.filter(slide=slide, author=actor)}
    shown = set(queries.drawn_on(slide, actor).values_list("client_id", flat=True))
    new = [row for row in made if row.client_id not in known and _own_id(row) not in shown]
    gone = [known[row.client_id] for row in made if row.client_id in known and known[row.client_id].deleted]
    if new:
        new[0].extra["head"] = head
    return replace(seen, rows=new, back=gone, here=len(made) - len(new) - len(gone))


def _own_id(row: Annotation) -> uuid.UUID | None:
    """The id in the file, where it is one: a file that we wrote says our own."""
    try:
        return uuid.UUID(row.extra["uid"])
    except ValueError:
        return None


def _rows(
    slide: Slide, document: Document, actor: User, form: str, digest: str, refused: list[str]
) -> Iterable[Annotation]:
    seen: Counter[str] = Counter()
    names = {layer.uid: layer.name or layer.uid for layer in document.layers}
    for number, shape in enumerate(document.shapes, start=1):
        key = shape.uid or _digest(shape)
        seen[key] += 1
        for part, marks in split(shape):
            try:
                row = _row(slide, part, actor, form)
            except BadInput as error:
                refused.append(f"Shape {number}: {error.message}")
                continue
            row.client_id = uuid.uuid5(slide.uid, f"{actor.pk}:{key}:{seen[key]}:{marks.get('part', 0)}")
            row.layer = names.get(shape.layer, shape.layer)[:LONGEST_LABEL]
            row.extra = {
                "file": digest[:16],
                "n": number,
                "uid": shape.uid,
                "author": shape.author,
                "layer": shape.layer,
                "extra": dict(shape.extra),
                "marks": marks,
            }
            yield row


def _row(slide: Slide, shape: Shape, actor: User, form: str) -> Annotation:
    geometry = checked(shape.kind, dict(shape.geometry))
    for name, text, longest in (
        ("label", shape.label, LONGEST_LABEL),
        ("comment", shape.comment, LONGEST_COMMENT),
    ):
        if len(text) > longest or "\x00" in text:
            raise BadInput(f"its {name} has more than {longest:,} characters, or a NUL.")
    return Annotation(
        slide=slide,
        author=actor,
        kind=shape.kind,
        geometry=geometry,
        label=shape.label,
        comment=shape.comment,
        negative=shape.negative,
        origin=form,
    )


def _digest(shape: Shape) -> str:
    said = [shape.kind, dict(shape.geometry), shape.label, shape.comment, shape.layer, shape.negative]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def bring_in(*, slide: Slide, content: bytes, actor: User, size: tuple[int, int]) -> Seen:
    """Write what `look_at_file` shows, and an audit row. Raises BadInput, NotAllowed, or Conflict when the
    slide takes no annotations (any more).
    """
    return write(slide, actor, lambda: look_at_file(slide=slide, content=content, actor=actor, size=size))


def write(slide: Slide, actor: User, look: Callable[[], Seen]) -> Seen:
    """Write what `look()` shows. Raises as `bring_in` does."""
    for _ in range(TRIES):
        seen = look()
        try:
            _write(slide, seen, actor)
        except IntegrityError:  # the same, sent twice at the same moment
            continue
        return seen
    raise Conflict("The same is being brought in by another window.")


@transaction.atomic
def _write(slide: Slide, seen: Seen, actor: User) -> None:
    fresh = Slide.objects.get(pk=slide.pk)
    may_bring(actor, fresh)
    assignment = queries.open_assignment_of(fresh, actor)
    now = timezone.now()
    for row in seen.rows:
        row.assignment, row.created_at, row.updated_at = assignment, now, now
    Annotation.objects.bulk_create(seen.rows, batch_size=BATCH)
    for row in seen.back:
        won = Annotation.objects.filter(pk=row.pk, version=row.version, deleted=True, locked=False).update(
            deleted=False, version=row.version + 1, updated_at=now, assignment=assignment
        )
        if not won:
            raise Conflict("One of these annotations was changed in another window.")
        row.version, row.deleted = row.version + 1, False
    AnnotationVersion.objects.bulk_create(
        (_version(row, actor) for row in (*seen.rows, *seen.back)), batch_size=BATCH
    )
    _still_takes(fresh, assignment)
    audit.record(
        actor=actor,
        action="annotations.bring_in",
        target=f"slide:{slide.uid}",
        form=seen.form,
        sha256=seen.sha256,
        annotations=seen.new,
    )


def _version(row: Annotation, actor: User) -> AnnotationVersion:
    same = ("version", "kind", "geometry", "label", "comment", "negative", "layer", "deleted")
    return AnnotationVersion(annotation=row, author=actor, **{name: getattr(row, name) for name in same})


def _still_takes(slide: Slide, assignment: Assignment | None) -> None:
    """Nothing slips in behind a signature: this waits for or loses to whoever ends it."""
    if assignment is not None:
        open_rows = Assignment.objects.filter(pk=assignment.pk, state=Assignment.State.OPEN)
        won = open_rows.update(touched_at=timezone.now())
    else:
        won = Slide.objects.filter(pk=slide.pk, state=slide.state).update(state=slide.state)
    if not won:
        raise Conflict(
            "The slide was signed off or given back meanwhile: nothing was brought in.", current=None
        )
