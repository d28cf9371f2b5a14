"""Regions that a steward covers: recorded, made into the clean file, and nothing leaves before."""

from typing import Any

import pytest
import tifffile
from django.db import IntegrityError, transaction

from core.errors import BadInput, Conflict
from core.models import AuditEntry, Job, User
from deidentify import covering, queries, services
from deidentify.errors import NoSpace
from deidentify.files import deidentify_file
from deidentify.models import CoveredRegion, DeidentifiedSlide, State
from tests.deidentify.making import make_svs
from viewer.models import VirtualSlide

pytestmark = pytest.mark.django_db
PEN: dict[str, Any] = {"left": 70, "top": 20, "width": 30, "height": 40, "reason": "pen"}


def test_a_region_takes_the_file_back_until_it_is_made_anew(
    made: DeidentifiedSlide, steward: User, django_capture_on_commit_callbacks: Any
) -> None:
    old = made.file
    region = covering.cover(item=made, actor=steward, **PEN)
    assert queries.passed_slide(made.slide_id) is None
    assert Job.objects.filter(task=services.REMAKE, args={"item_id": made.pk}).exists()
    told = AuditEntry.objects.get(action="deidentify.region.covered")
    assert (told.detail["box"], told.detail["reason"]) == ([70, 20, 30, 40], "pen")
    with django_capture_on_commit_callbacks(execute=True):
        services.remake_slide(item_id=made.pk)
    clean = queries.passed_slide(made.slide_id)
    assert clean is not None
    assert not old.exists()
    picture = tifffile.imread(clean.file, key=0)
    assert abs(picture[36:44, 80:88].astype(int) - picture[40, 84]).max() <= 2
    covering.uncover(region=region, actor=steward)
    services.remake_slide(item_id=made.pk)
    again = queries.passed_slide(made.slide_id)
    assert again is not None
    assert (again.work["painted"], again.sha256) == (0, made.sha256)
    with pytest.raises(Conflict, match="already"):
        covering.uncover(region=region, actor=steward)


def test_the_first_file_shows_what_was_covered_before(item: DeidentifiedSlide, steward: User) -> None:
    covering.cover(item=item, actor=steward, **PEN)
    services.remake_slide(item_id=item.pk)
    item.refresh_from_db()
    assert item.state == State.PASSED
    assert item.work["painted"] > 0
    item.slide.refresh_from_db()
    assert item.slide.state == "deidentified"


def test_a_file_made_while_somebody_covers_more_does_not_pass(
    made: DeidentifiedSlide, steward: User, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    covering.cover(item=made, actor=steward, **PEN)

    def slowly(*asked: Any) -> Any:
        outcome = deidentify_file(*asked)
        covering.cover(item=made, actor=steward, **{**PEN, "top": 150})
        return outcome

    with monkeypatch.context() as patch:
        patch.setattr("deidentify.services.deidentify_file", slowly)
        with django_capture_on_commit_callbacks(execute=True):
            services.remake_slide(item_id=made.pk)
    assert queries.passed_slide(made.slide_id) is None
    services.remake_slide(item_id=made.pk)
    clean = queries.passed_slide(made.slide_id)
    assert clean is not None
    assert [file.name for file in clean.file.parent.iterdir() if file != made.file] == [clean.file.name]


def test_a_first_file_made_while_somebody_covers_does_not_pass(
    item: DeidentifiedSlide, steward: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(*asked: Any) -> Any:
        outcome = deidentify_file(*asked)
        covering.cover(item=item, actor=steward, **PEN)
        return outcome

    with monkeypatch.context() as patch:
        patch.setattr("deidentify.services.deidentify_file", slowly)
        services.deidentify_slide(slide_id=item.slide_id)
    assert queries.passed_slide(item.slide_id) is None
    item.slide.refresh_from_db()
    assert item.slide.state == "scanned"
    services.remake_slide(item_id=item.pk)
    assert queries.passed_slide(item.slide_id) is not None


def test_what_cannot_be_covered_goes_to_quarantine_and_is_sent_again(
    made: DeidentifiedSlide, steward: User
) -> None:
    covering.cover(item=made, actor=steward, **PEN)
    VirtualSlide.objects.get().file.write_bytes(b"II*\0")
    services.remake_slide(item_id=made.pk)
    made.refresh_from_db()
    assert (made.state, made.problem_code) == (State.QUARANTINED, "broken_input")
    assert not made.file.exists()
    make_svs(VirtualSlide.objects.get().file)
    services.try_again(row=made, actor=steward)
    services.remake_slide(item_id=made.pk)
    assert queries.passed_slide(made.slide_id) is not None


@pytest.mark.parametrize(
    "wrong",
    [{"left": 240}, {"top": -1}, {"width": 0}, {"height": 1000}, {"reason": "Rosa"}],
    ids=str,
)
def test_a_region_lies_on_the_slide_and_has_a_reason(
    item: DeidentifiedSlide, steward: User, wrong: dict[str, Any]
) -> None:
    with pytest.raises(BadInput):
        covering.cover(item=item, actor=steward, **{**PEN, **wrong})
    assert not CoveredRegion.objects.exists()


def test_neither_an_older_scan_nor_a_withdrawn_slide_is_covered(
    made: DeidentifiedSlide, steward: User
) -> None:
    region = covering.cover(item=made, actor=steward, **PEN)
    VirtualSlide.objects.update(current=False)
    with pytest.raises(Conflict, match="scanned anew"):
        covering.cover(item=made, actor=steward, **PEN)
    VirtualSlide.objects.update(current=True)
    services.forget_clean(slide=made.slide)
    made.refresh_from_db()
    region.refresh_from_db()
    with pytest.raises(Conflict, match="withdrawn"):
        covering.uncover(region=region, actor=steward)
    services.remake_slide(item_id=made.pk)
    made.refresh_from_db()
    assert made.problem_code == "withdrawn"


def test_the_database_wants_a_size_and_a_person_for_what_is_taken_back(
    item: DeidentifiedSlide, steward: User
) -> None:
    region = covering.cover(item=item, actor=steward, **PEN)
    with pytest.raises(IntegrityError), transaction.atomic():
        CoveredRegion.objects.filter(pk=region.pk).update(removed_by=steward)
    with pytest.raises(IntegrityError), transaction.atomic():
        CoveredRegion.objects.filter(pk=region.pk).update(width=0)


def test_a_slide_withdrawn_while_its_file_fails_stays_withdrawn(
    made: DeidentifiedSlide, steward: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    covering.cover(item=made, actor=steward, **PEN)

    def withdrawn_meanwhile(*asked: Any) -> Any:
        services.forget_clean(slide=made.slide)
        raise NoSpace("the disk is full")

    monkeypatch.setattr("deidentify.services.deidentify_file", withdrawn_meanwhile)
    services.remake_slide(item_id=made.pk)
    made.refresh_from_db()
    assert (made.state, made.problem_code) == (State.QUARANTINED, services.WITHDRAWN)
