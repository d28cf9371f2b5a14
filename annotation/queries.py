"""Questions about reading: who has room, what is on whose list, what was drawn."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from annotation.models import Annotation, Assignment, Reader
from core.models import User
from lims.models import Slide
from lims.states import State

OPEN = Assignment.State.OPEN


def start_of_today() -> datetime:
    return timezone.make_aware(datetime.combine(timezone.localdate(), time.min))


def _counted() -> Q:
    """What fills a reader's day: everything still to read, and everything looked at and ended today."""
    listed = Q(state=OPEN, slide__state=State.ASSIGNED)
    return listed | Q(ended_at__gte=start_of_today(), opened_at__isnull=False)


def load_of(reader: Reader) -> int:
    return Assignment.objects.filter(_counted(), reader=reader).count()


@dataclass(frozen=True)
class Load:
    """How full one reader's day is."""

    reader: Reader
    open: int
    done: int
    counted: int

    @property
    def room(self) -> int:
        return max(0, self.reader.daily_limit - self.counted)


def loads() -> list[Load]:
    today = Q(assignments__ended_at__gte=start_of_today())
    viewed = today & Q(assignments__opened_at__isnull=False)
    listed = Q(assignments__state=OPEN, assignments__slide__state=State.ASSIGNED)
    readers = Reader.objects.select_related("user").annotate(
        n_open=Count("assignments", filter=listed),
        n_done=Count("assignments", filter=today & Q(assignments__state=Assignment.State.SUBMITTED)),
        n_counted=Count("assignments", filter=listed | viewed),
    )
    return [Load(reader, reader.n_open, reader.n_done, reader.n_counted) for reader in readers]


def reading_the_case(slide: Slide) -> frozenset[int]:
    """The readers who have, or had and read, another slide of the same case."""
    rows = Assignment.objects.filter(slide__block__specimen__case=slide.case).exclude(
        state=Assignment.State.RETURNED
    )
    return frozenset(rows.values_list("reader_id", flat=True))


def returned_by(slide: Slide) -> frozenset[int]:
    rows = Assignment.objects.filter(slide=slide, state=Assignment.State.RETURNED)
    return frozenset(rows.values_list("reader_id", flat=True))


def open_assignment_of(slide: Slide, user: User) -> Assignment | None:
    return Assignment.objects.filter(slide=slide, state=OPEN, reader__user=user).first()


def worklist(user: User) -> QuerySet[Assignment]:
    """What this person has to read, the oldest case first, the slides of one case together."""
    return (
        Assignment.objects.filter(reader__user=user, state=OPEN, slide__state=State.ASSIGNED)
        .select_related("slide__block__specimen__case", "reader__user")
        .annotate(drawn=Count("annotations", filter=Q(annotations__deleted=False)))
        .order_by(
            "due",
            "slide__block__specimen__case__received",
            "slide__block__specimen__case_id",
            "slide__barcode",
        )
    )


def next_for(user: User, after: Assignment) -> Assignment | None:
    return worklist(user).exclude(pk=after.pk).first()


def ended_today(user: User) -> QuerySet[Assignment]:
    return (
        Assignment.objects.filter(reader__user=user, ended_at__gte=start_of_today())
        .select_related("slide__block__specimen__case")
        .order_by("-ended_at")
    )


def waiting() -> QuerySet[Slide]:
    """De-identified slides that are on nobody's list."""
    return (
        Slide.objects.filter(state=State.DEIDENTIFIED)
        .select_related("block__specimen__case")
        .order_by("state_since")
    )


def drawn_on(slide: Slide) -> QuerySet[Annotation]:
    return (
        Annotation.objects.filter(slide=slide, deleted=False).select_related("author", "slide").order_by("pk")
    )


def signed_off(slide: Slide) -> QuerySet[Annotation]:
    """What may leave: the annotations a reader has signed."""
    return drawn_on(slide).filter(locked=True).select_related("assignment__reader")


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
        "version": annotation.version,
        "deleted": annotation.deleted,
        "locked": annotation.locked,
        "author": annotation.author.username,
        "assignment": annotation.assignment_id,
        "updated_at": annotation.updated_at.isoformat(),
    }


def open_assignments() -> QuerySet[Assignment]:
    return (
        Assignment.objects.filter(state=OPEN, slide__state=State.ASSIGNED)
        .select_related("slide__block__specimen__case", "reader__user")
        .order_by("reader", "due", "slide__barcode")
    )
