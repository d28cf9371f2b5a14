"""Regions of a slide that a person covers: who drew them, why, and the clean file made anew of them.

Nothing leaves until the file is made. What is released stays as it is, so nobody covers it any more.
"""

from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core import audit, jobs
from core.errors import BadInput, Conflict
from core.models import User
from deidentify.images.covering import MOST_REGIONS
from deidentify.models import CoveredRegion, DeidentifiedSlide, State
from deidentify.services import REMAKE, WITHDRAWN
from lims.states import State as SlideState
from viewer.models import VirtualSlide

LEAST_PX: Final = 1
GONE: Final = "This slide was withdrawn: nothing is made of it any more."


def scanned_file(item: DeidentifiedSlide) -> VirtualSlide:
    """The slide's file that the regions of this item lie on. Raises Conflict where it is not the current
    one any more, or the slide was released or withdrawn.
    """
    file = VirtualSlide.objects.filter(slide=item.slide, sha256=item.source_sha256, current=True).first()
    if file is None:
        raise Conflict("This slide was scanned anew since: cover what its newest file shows.")
    if item.problem_code == WITHDRAWN or item.slide.state == SlideState.WITHDRAWN:
        raise Conflict(GONE)
    if item.slide.state == SlideState.RELEASED:
        raise Conflict("This slide is released, and a release never changes: withdraw it where it must go.")
    return file


def cover(
    *, item: DeidentifiedSlide, left: int, top: int, width: int, height: int, reason: str, actor: User
) -> CoveredRegion:
    """A rectangle (px of the finest level) becomes plain in the clean file, which is made anew.

    Raises BadInput for one that does not lie on the slide or has another reason than the vocabulary,
    Conflict.
    """
    if min(width, height) < LEAST_PX or min(left, top) < 0:
        raise BadInput("A region has a size of one px or more, and lies on the slide.")
    if reason not in CoveredRegion.Reason.values:
        raise BadInput(f"A reason is one of {', '.join(CoveredRegion.Reason.values)}.")
    with transaction.atomic():
        file = _take_back(item)
        if left + width > file.width or top + height > file.height:
            raise BadInput(f"A region lies on the slide, which has {file.width} x {file.height} px.")
        if item.regions.filter(removed_at=None).count() >= MOST_REGIONS:
            raise BadInput(f"A slide has {MOST_REGIONS} covered regions at most: draw larger ones.")
        place = {"left": left, "top": top, "width": width, "height": height}
        region = CoveredRegion.objects.create(item=item, reason=reason, drawn_by=actor, **place)
        _make_anew(item, actor, "deidentify.region.covered", region)
    return region


def uncover(*, region: CoveredRegion, actor: User) -> None:
    """A region is taken back: the clean file shows it again. Raises Conflict."""
    with transaction.atomic():
        _take_back(region.item)
        standing = CoveredRegion.objects.filter(pk=region.pk, removed_at=None)
        if not standing.update(removed_by=actor, removed_at=timezone.now()):
            raise Conflict("This region was taken back already.")
        _make_anew(region.item, actor, "deidentify.region.uncovered", region)


def _take_back(item: DeidentifiedSlide) -> VirtualSlide:
    """The clean file waits to be made anew, and the file that it is made of. The row first: a release
    that is being published comes before, and then the slide is released, or after, and then it stops. Raises
    Conflict.
    """
    changed = (
        DeidentifiedSlide.objects.filter(pk=item.pk)
        .exclude(problem_code=WITHDRAWN)
        .update(
            state=State.PENDING,
            regions_version=F("regions_version") + 1,
            problem="",
            problem_code="",
            changed_at=timezone.now(),
        )
    )
    if not changed:
        raise Conflict(GONE)
    return scanned_file(DeidentifiedSlide.objects.select_related("slide").get(pk=item.pk))


def _make_anew(item: DeidentifiedSlide, actor: User, action: str, region: CoveredRegion) -> None:
    audit.record(
        actor=actor,
        action=action,
        target=f"deidentified-slide:{item.pk}",
        region=region.pk,
        box=list(region.box),
        reason=region.reason,
    )
    jobs.enqueue(REMAKE, item_id=item.pk)
