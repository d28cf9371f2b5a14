"""A patient, a case or a slide is taken out of the corpus: of every release the bytes go, and a tombstone
stays.

What counts is the slide's state: whoever withdraws it, here or on the slide's own page, the burial follows
(config.pipeline). Killed anywhere, it comes again: the record is marked, then the bytes go, then the bag gets
its next revision.
"""

from collections.abc import Collection, Iterable

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from core import audit, jobs
from core.errors import BadInput, Conflict, NotAllowed
from core.models import User
from core.roles import Role, has_role
from corpus import bag
from corpus.derivatives import stem_of
from corpus.models import Release, ReleaseItem
from corpus.search import forget
from deidentify.services import forget_clean
from lims.models import Slide, SlideEvent
from lims.services import advance
from lims.states import State, find

WITHDRAWERS = (Role.STEWARD, Role.ADMINISTRATOR)
SHORTEST_REASON = 3


@transaction.atomic
def withdraw(*, slides: Iterable[Slide], reason: str, actor: User) -> int:
    """Take these slides out of every release; how many released files go. Safe to repeat.

    Raises NotAllowed, BadInput without a reason, and Conflict where one of them cannot be withdrawn as it is;
    then none is.
    """
    if not has_role(actor, *WITHDRAWERS):
        raise NotAllowed("Only a data steward withdraws.")
    if len(reason.strip()) < SHORTEST_REASON:
        raise BadInput("Say why it is withdrawn.", field="reason")
    chosen = list(slides)
    _check(chosen)
    going = _of(chosen).count()
    for slide in chosen:
        if slide.state == State.WITHDRAWN:
            jobs.enqueue("corpus.bury", slide_id=slide.pk)
        elif slide.state != State.REJECTED:
            advance(slide=slide, to=State.WITHDRAWN, actor=actor, note=reason)
    target = f"slides:{len(chosen)}"
    audit.record(actor=actor, action="corpus.withdraw", target=target, files=going, reason=reason[:200])
    return going


def _check(slides: Collection[Slide]) -> None:
    if not slides:
        raise Conflict("There is nothing to withdraw under this name.")
    early = [slide.barcode for slide in slides if not _may_go(slide)]
    if early:
        raise Conflict(
            f"{len(early)} of these slides have not come so far ({', '.join(early[:5])}): hold or reject "
            "them first, else they would be scanned and released later.",
            slides=early,
        )
    drafts = [Release.State.DRAFT, Release.State.APPROVED]
    if ReleaseItem.objects.filter(slide__in=slides, release__state__in=drafts).exists():
        raise Conflict("A draft names one of these slides: discard it, or let it be built, first.")


def _may_go(slide: Slide) -> bool:
    ended = slide.state in (State.WITHDRAWN, State.REJECTED)
    return ended or find(slide.state, State.WITHDRAWN) is not None


def _of(slides: Collection[Slide]) -> QuerySet[ReleaseItem]:
    """Published files of these slides, and of a case's report where none of its slides is left beside it."""
    published = ReleaseItem.objects.filter(release__state=Release.State.PUBLISHED, withdrawn_at=None)
    own = published.filter(slide__in=slides)
    orphans = [
        pk for release in Release.objects.filter(items__in=own).distinct() for pk in _orphans(release, own)
    ]
    return published.filter(Q(pk__in=own.values("pk")) | Q(pk__in=orphans))


def _orphans(release: Release, going: QuerySet[ReleaseItem]) -> list[int]:
    images = release.items.filter(kind=ReleaseItem.Kind.IMAGE, withdrawn_at=None).exclude(
        pk__in=going.values("pk")
    )
    left = list(images.values_list("path", flat=True))
    reports = release.items.filter(kind=ReleaseItem.Kind.REPORT, withdrawn_at=None)
    stems = {report.pk: stem_of(report.path) for report in reports}
    return [pk for pk, stem in stems.items() if not any(path.startswith(stem) for path in left)]


def bury(*, slides: Iterable[Slide]) -> list[Release]:
    """Mark and remove what was released of those that are withdrawn: their clean files, then the releases'
    copies, with a tombstone in each bag. The releases that have a new revision.
    """
    gone = list(Slide.objects.filter(pk__in=[slide.pk for slide in slides], state=State.WITHDRAWN))
    for slide in gone:
        _mark(slide)
        forget(slide=slide)
        forget_clean(slide=slide)
    withdrawn = ReleaseItem.objects.filter(withdrawn_at__isnull=False)
    touched = Release.objects.filter(items__in=withdrawn.filter(slide__in=gone)).distinct().order_by("number")
    revised = [release for release in touched if _revise(release, withdrawn.filter(release=release))]
    for release in touched:  # also those that were revised before this was killed
        if release.sites.exists():
            jobs.enqueue("corpus.refresh_sites", release_id=release.pk)
    return revised


@transaction.atomic
def _mark(slide: Slide) -> None:
    last = SlideEvent.objects.filter(slide=slide, target=State.WITHDRAWN).order_by("-pk").first()
    why = last.note[:200] if last else ""
    _of([slide]).update(withdrawn_at=timezone.now(), withdrawn_reason=why)


def _revise(release: Release, rows: QuerySet[ReleaseItem]) -> bool:
    buried = {item.path: f"{item.withdrawn_at:%Y-%m}" for item in rows if item.withdrawn_at}
    digest, revision = bag.revise(release.folder, buried)
    if digest == release.manifest_sha256:
        return False
    Release.objects.filter(pk=release.pk).update(manifest_sha256=digest, revision=revision)
    return True
