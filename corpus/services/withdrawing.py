"""A patient, a case or a slide is taken out of the corpus: of every release the bytes go, and a tombstone
stays.

First the record says so, with the job that follows; then the worker removes the bytes and writes the bag's
next revision. Killed anywhere, it comes again: the bytes go before the manifest, so no manifest ever promises
what is gone without saying so for longer than a moment.
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
from deidentify.services import forget_clean
from lims.models import Slide
from lims.services import advance
from lims.states import State

WITHDRAWERS = (Role.STEWARD, Role.ADMINISTRATOR)
SHORTEST_REASON = 3


@transaction.atomic
def withdraw(*, slides: Iterable[Slide], reason: str, actor: User) -> int:
    """Take these slides out of every release; how many files are buried. Safe to repeat.

    Raises NotAllowed, BadInput without a reason, and Conflict for a slide that no steward may withdraw now.
    """
    if not has_role(actor, *WITHDRAWERS):
        raise NotAllowed("Only a data steward withdraws.")
    if len(reason.strip()) < SHORTEST_REASON:
        raise BadInput("Say why it is withdrawn.", field="reason")
    chosen = list(slides)
    if not chosen:
        raise Conflict("There is nothing to withdraw under this name.")
    drafts = ReleaseItem.objects.filter(
        slide__in=chosen, release__state__in=[Release.State.DRAFT, Release.State.APPROVED]
    )
    if drafts.exists():
        raise Conflict("A draft names one of these slides: discard it, or let it be built, first.")
    for slide in chosen:
        if slide.state != State.WITHDRAWN:
            advance(slide=slide, to=State.WITHDRAWN, actor=actor, note=reason)
    buried = _buried(chosen).update(withdrawn_at=timezone.now(), withdrawn_reason=reason[:200])
    audit.record(
        actor=actor,
        action="corpus.withdraw",
        target=f"slides:{len(chosen)}",
        files=buried,
        reason=reason[:200],
    )
    jobs.enqueue("corpus.bury", slide_ids=sorted(slide.pk for slide in chosen))
    return buried


def _buried(slides: Collection[Slide]) -> QuerySet[ReleaseItem]:
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


def bury(*, slides: Collection[Slide]) -> list[Release]:
    """Remove the bytes of what was withdrawn: clean files, then the releases' copies with a tombstone in each
    bag. The releases that have a new revision.
    """
    for slide in slides:
        forget_clean(slide=slide)
    revised = []
    items = ReleaseItem.objects.filter(withdrawn_at__isnull=False)
    for release in (
        Release.objects.filter(items__in=items.filter(slide__in=slides)).distinct().order_by("number")
    ):
        rows = items.filter(release=release)
        gone = {item.path: f"{item.withdrawn_at:%Y-%m}" for item in rows if item.withdrawn_at}
        digest, revision = bag.revise(release.folder, gone)
        if digest != release.manifest_sha256:
            Release.objects.filter(pk=release.pk).update(manifest_sha256=digest, revision=revision)
            revised.append(release)
    return revised
