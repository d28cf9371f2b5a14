"""A release is proposed by one person and approved by another."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from core import audit, jobs
from core.errors import BadInput, Conflict, NotAllowed
from core.models import User
from core.roles import Role, has_role
from corpus import queries, smallcells
from corpus.errors import NotReleasable, SmallCells
from corpus.models import Release, ReleaseItem
from corpus.queries import candidates, propose, small_cells, unreleased
from lims.models import Slide

MAKERS = (Role.STEWARD, Role.ADMINISTRATOR)
APPROVERS = (Role.STEWARD, Role.MANAGER, Role.ADMINISTRATOR)
LICENCES = ("CC0-1.0", "CC-BY-4.0", "CC-BY-NC-4.0")


def create_release(
    *,
    actor: User,
    template: str = "tudp-2018",
    licence: str = "CC0-1.0",
    slides: Sequence[Slide] | None = None,
    small_cells_reason: str = "",
) -> Release:
    """A draft that names its slides: those given, or every read slide that may leave.

    Raises NotReleasable when a given slide may not leave or when there is none, NameCollision, and SmallCells
    where patients stand nearly alone in it and nobody has said why it leaves all the same.
    """
    if not has_role(actor, *MAKERS):
        raise NotAllowed("Only a data steward makes a release.")
    if licence not in LICENCES:
        raise BadInput(f"“{licence}” is not a licence we offer.", field="licence", choices=list(LICENCES))
    known = queries.template(template)
    chosen = candidates(unreleased() if slides is None else slides)
    stuck = {candidate.slide.barcode: candidate.problem for candidate in chosen if candidate.problem}
    if slides is not None and stuck:
        raise NotReleasable(f"{len(stuck)} of these slides cannot leave.", slides=stuck)
    chosen = [candidate for candidate in chosen if not candidate.problem]
    if not chosen:
        raise NotReleasable("No slide is ready to leave: each must be read, and its image and report clean.")
    judged = small_cells([candidate.slide for candidate in chosen])
    few = smallcells.small(judged)
    if few and not small_cells_reason.strip():
        raise SmallCells(
            f"{few} groups of patients would be smaller than {judged['k']}. Wait for more slides, leave "
            "these out, or say why it leaves all the same; who approves it sees the reason.",
            small_cells=judged,
        )
    number = (Release.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    proposed = propose(known, chosen, number=number, actor=actor)
    try:
        with transaction.atomic():
            release = Release.objects.create(
                number=number, template=known.name, licence=licence, created_by=actor,
                small_cells=judged, small_cells_reason=small_cells_reason.strip()[:500],
            )  # fmt: skip
            ReleaseItem.objects.bulk_create(
                ReleaseItem(
                    release=release, slide=row.slide, kind=ReleaseItem.Kind.IMAGE, path=f"data/{row.path}"
                )
                for row in proposed
            )
            audit.record(
                actor=actor, action="release.create", target=f"release:{number}", slides=len(proposed),
                small_cells=few, reason=small_cells_reason.strip()[:200],
            )  # fmt: skip
    except IntegrityError as error:
        raise Conflict(f"Somebody else made release {number} at the same moment.") from error
    return release


@transaction.atomic
def approve_release(*, release: Release, actor: User) -> Release:
    """The second person says yes, and the release is built. A stopped release may be approved again."""
    if not has_role(actor, *APPROVERS):
        raise NotAllowed("Only a data steward, a manager or an administrator approves a release.")
    if release.created_by_id == actor.pk:
        raise NotAllowed("Two people release: somebody other than its maker approves it.")
    waiting = [Release.State.DRAFT, Release.State.FAILED]
    won = Release.objects.filter(pk=release.pk, state__in=waiting).update(
        state=Release.State.APPROVED, approved_by=actor, approved_at=timezone.now(), problem=""
    )
    if not won:
        current = Release.objects.values_list("state", flat=True).get(pk=release.pk)
        raise Conflict(f"{release} is {Release.State(current).label.lower()} already.", state=current)
    audit.record(actor=actor, action="release.approve", target=f"release:{release.number}")
    jobs.enqueue("corpus.build_release", release_id=release.pk)
    release.refresh_from_db()
    return release


@transaction.atomic
def discard_release(*, release: Release, actor: User) -> None:
    """Take a draft or a stopped release away; its number is not used again unless it was the last."""
    if not has_role(actor, *MAKERS):
        raise NotAllowed("Only a data steward discards a release.")
    waiting = [Release.State.DRAFT, Release.State.FAILED]
    gone, _ = Release.objects.filter(pk=release.pk, state__in=waiting).delete()
    if not gone:
        raise Conflict(f"{release} is built or being built: it cannot be discarded.")
    audit.record(actor=actor, action="release.discard", target=f"release:{release.number}")
