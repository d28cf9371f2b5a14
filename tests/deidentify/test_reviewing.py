"""Two people look at a clean report: what they decide is what leaves, and nothing leaves before."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from core.errors import BadInput, Conflict, NotAllowed
from core.models import AuditEntry, Job, User
from core.roles import Role
from corpus.queries import candidates, report_problem
from deidentify import queries, reviewing, services
from deidentify.errors import GateFailed
from deidentify.files import text_of
from deidentify.models import DeidentifiedReport, ReportReview, State
from lims.models import Block, Case, Patient, Report, Slide, Specimen

pytestmark = pytest.mark.django_db
TEXT = """Patient: Rosa Vandermeer
Seen by Dr. Amalia Crane in the morning.
Her cousin Beatrix called. The Barrett mucosa was seen.
Dr. Amalia Crane agrees. Gleason score 3+4=7
"""


@pytest.fixture
def row(settings: Any, tmp_path: Path) -> DeidentifiedReport:
    """The clean report of Rosa Vandermeer's case, as the rules made it."""
    settings.REPORT_REVIEW = "signed"
    patient = Patient.objects.create(mrn="00481516", family_name="Vandermeer", given_name="Rosa")
    case = Case.objects.create(accession="S19-23421", patient=patient, received="2019-05-12")
    Report(case=case).file.save("r.txt", ContentFile(TEXT.encode()))
    row = services.deidentify_report(case_id=case.pk)
    assert row is not None
    assert row.state == State.PASSED, row.problem
    return row


@pytest.fixture
def review(row: DeidentifiedReport, steward: User) -> ReportReview:
    return reviewing.open_review(row=row, actor=steward)


def place_of(review: ReportReview, words: str) -> dict[str, Any]:
    found, _ = reviewing.found_in_report(review.report)
    at = found.text.index(words)
    return {"start": at, "end": at + len(words)}


def finding(review: ReportReview, words: str) -> dict[str, Any]:
    """The place of the first finding with these words."""
    found, _ = reviewing.found_in_report(review.report)
    span = next(s for s in found.spans if words in found.text[s.start : s.end])
    return {"start": span.start, "end": span.end}


def done(review: ReportReview, first: User, second: User) -> None:
    reviewing.accept_rest(review=review, version=review.version, actor=first)
    reviewing.finish(review=review, version=review.version, actor=first)
    reviewing.sign(review=review, version=review.version, actor=second)


def test_what_the_record_knows_needs_no_decision(review: ReportReview) -> None:
    place = finding(review, "Vandermeer")
    assert [place["start"], place["end"]] not in reviewing.waiting(review)
    assert len(reviewing.waiting(review)) == 2  # Dr. Crane, twice


def test_a_finding_is_accepted_and_taken_back(review: ReportReview, steward: User) -> None:
    place = finding(review, "Crane")
    reviewing.accept(review=review, version=0, **place, actor=steward)
    assert len(reviewing.waiting(review)) == 1
    reviewing.undo(review=review, version=1, **place, actor=steward)
    assert (len(reviewing.waiting(review)), review.accepted) == (2, [])


def test_the_same_words_are_decided_of_together(review: ReportReview, steward: User) -> None:
    count = reviewing.remove(review=review, version=0, **finding(review, "Crane"), alike=True, actor=steward)
    assert (count, reviewing.waiting(review)) == (2, [])


def test_a_decision_replaces_the_one_before(review: ReportReview, steward: User) -> None:
    place = finding(review, "Crane")
    reviewing.accept(review=review, version=0, **place, actor=steward)
    reviewing.remove(review=review, version=1, **place, actor=steward)
    assert (review.accepted, review.removed) == ([], [[place["start"], place["end"]]])


def test_a_known_value_cannot_be_left_in(review: ReportReview, steward: User) -> None:
    with pytest.raises(Conflict, match="knows this value"):
        reviewing.remove(review=review, version=0, **finding(review, "Vandermeer"), actor=steward)


def test_a_finding_that_holds_a_known_value_cannot_be_left_in_either(
    row: DeidentifiedReport, steward: User
) -> None:
    Patient.objects.update(birth_date="1944-07-08")
    Path(Report.objects.get(case=row.case).file.path).write_text("Date of birth: 07/08/1944 (age 82)\n")
    review = reviewing.open_review(row=DeidentifiedReport.objects.get(pk=row.pk), actor=steward)
    with pytest.raises(Conflict, match="knows this value"):
        reviewing.remove(review=review, version=review.version, **finding(review, "(age"), actor=steward)


@pytest.mark.parametrize(("start", "end"), [(0, 3), (5, 5), (0, 9999)])
def test_where_nothing_was_found_nothing_is_decided(
    review: ReportReview, steward: User, start: int, end: int
) -> None:
    with pytest.raises(BadInput):
        reviewing.accept(review=review, version=0, start=start, end=end, actor=steward)


def test_what_the_rules_missed_is_added(review: ReportReview, steward: User) -> None:
    reviewing.add(review=review, version=0, **place_of(review, "Beatrix"), kind="NAME", actor=steward)
    assert [row[2] for row in review.added] == ["NAME"]
    with pytest.raises(Conflict, match="marked there already"):
        reviewing.add(review=review, version=1, **place_of(review, "Beatrix"), kind="NAME", actor=steward)


def test_words_are_added_wherever_they_stand(review: ReportReview, steward: User) -> None:
    assert reviewing.add_words(review=review, version=0, words=" seen ", kind="OTHER", actor=steward) == 1
    with pytest.raises(BadInput, match="do not stand"):
        reviewing.add_words(review=review, version=1, words="Zebra", kind="OTHER", actor=steward)


@pytest.mark.parametrize(("kind", "words"), [("PERSON", "Beatrix"), ("NAME", "")])
def test_what_cannot_be_added_is_refused(review: ReportReview, steward: User, kind: str, words: str) -> None:
    with pytest.raises(BadInput):
        reviewing.add_words(review=review, version=0, words=words, kind=kind, actor=steward)


def test_lines_stay_lines_where_a_selection_runs_over_them(review: ReportReview, steward: User) -> None:
    found, _ = reviewing.found_in_report(review.report)
    start, end = found.text.index("Beatrix"), found.text.index("agrees")
    at = found.text.index("mucosa")
    assert reviewing.add(review=review, version=0, start=start, end=at, kind="OTHER", actor=steward) == 1
    with pytest.raises(Conflict):
        reviewing.add(review=review, version=1, start=at, end=end, kind="OTHER", actor=steward)


def test_two_people_at_once_do_not_write_over_each_other(
    review: ReportReview, steward: User, administrator: User
) -> None:
    other = ReportReview.objects.get(pk=review.pk)
    reviewing.accept(review=review, version=0, **finding(review, "Crane"), actor=steward)
    with pytest.raises(Conflict, match="meanwhile"):
        reviewing.remove(review=other, version=0, **finding(review, "Crane"), actor=administrator)


def test_it_is_handed_over_when_all_is_decided(review: ReportReview, steward: User) -> None:
    with pytest.raises(Conflict, match="2 findings wait"):
        reviewing.finish(review=review, version=0, actor=steward)
    assert reviewing.accept_rest(review=review, version=0, actor=steward) == 2
    reviewing.finish(review=review, version=1, actor=steward)
    assert (review.state, review.reviewed_by) == ("reviewed", steward)
    with pytest.raises(Conflict, match="reviewed already"):
        reviewing.undo(review=review, version=2, start=0, end=1, actor=steward)


def test_another_person_signs(review: ReportReview, steward: User, administrator: User) -> None:
    reviewing.accept_rest(review=review, version=0, actor=steward)
    with pytest.raises(Conflict, match="does not wait"):
        reviewing.sign(review=review, version=1, actor=administrator)
    reviewing.finish(review=review, version=1, actor=steward)
    with pytest.raises(NotAllowed, match="another person"):
        reviewing.sign(review=review, version=2, actor=steward)
    reviewing.sign(review=review, version=2, actor=administrator)
    assert (review.state, review.made, review.signed_by) == ("signed", True, administrator)


def test_the_database_keeps_two_people_apart(review: ReportReview, steward: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ReportReview.objects.filter(pk=review.pk).update(reviewed_by=steward, signed_by=steward)


def test_it_goes_back_with_a_reason(review: ReportReview, steward: User, administrator: User) -> None:
    reviewing.accept_rest(review=review, version=0, actor=steward)
    reviewing.finish(review=review, version=1, actor=steward)
    with pytest.raises(BadInput):
        reviewing.give_back(review=review, version=2, reason=" ", actor=administrator)
    reviewing.give_back(review=review, version=2, reason="Beatrix is named", actor=administrator)
    assert (review.state, review.returned, review.reviewed_by) == ("open", "Beatrix is named", None)


def test_nothing_leaves_before_both_have_signed(
    row: DeidentifiedReport, review: ReportReview, steward: User, administrator: User, settings: Any
) -> None:
    block = Block.objects.create(specimen=Specimen.objects.create(case=row.case))
    slide = Slide.objects.create(barcode="S19-23421-A1-1", block=block, state="read")
    assert queries.releasable_report(row.case.pk) is None
    assert candidates([slide])[0].report is None
    assert "two people" in report_problem(slide.case)
    done(review, steward, administrator)
    assert queries.releasable_report(row.case.pk) == row
    settings.REPORT_REVIEW = "nobody"
    with pytest.raises(Exception, match="signed or machine"):
        queries.releasable_report(row.case.pk)


def test_the_clean_file_is_made_as_they_decided(
    row: DeidentifiedReport, review: ReportReview, steward: User, administrator: User
) -> None:
    before = row.file
    reviewing.add(review=review, version=0, **place_of(review, "Beatrix"), kind="NAME", actor=steward)
    reviewing.remove(review=review, version=1, **finding(review, "Crane"), actor=steward)
    done(review, steward, administrator)
    assert (review.made, queries.releasable_report(row.case.pk)) == (False, None)
    assert Job.objects.filter(task=reviewing.MAKE).count() == 1
    reviewing.remake(review_id=review.pk)
    row.refresh_from_db()
    text = text_of(row.file)
    assert "cousin [NAME] called" in text
    assert text.count("Amalia Crane") == 1, "left in once, covered once"
    assert (row.certificate["state"], row.certificate["sha256"]) == ("clean", row.sha256)
    assert queries.releasable_report(row.case.pk) == row
    assert before != row.file


def test_making_it_twice_does_it_once(
    row: DeidentifiedReport, review: ReportReview, steward: User, administrator: User
) -> None:
    reviewing.add(review=review, version=0, **place_of(review, "Beatrix"), kind="NAME", actor=steward)
    done(review, steward, administrator)
    reviewing.remake(review_id=review.pk)
    row.refresh_from_db()
    path = row.path
    reviewing.remake(review_id=review.pk)
    row.refresh_from_db()
    assert row.path == path


def test_what_may_pass_is_raised_and_the_review_stays_signed(
    review: ReportReview, steward: User, administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviewing.add(review=review, version=0, **place_of(review, "Beatrix"), kind="NAME", actor=steward)
    done(review, steward, administrator)

    def silent(*_: Any, **__: Any) -> None:
        raise GateFailed("the gate did not answer")

    monkeypatch.setattr(services, "deidentify_file", silent)
    with pytest.raises(GateFailed):
        reviewing.remake(review_id=review.pk)
    review.refresh_from_db()
    assert (review.state, review.made) == ("signed", False)


def test_what_cannot_be_made_comes_back(
    row: DeidentifiedReport, review: ReportReview, steward: User, administrator: User
) -> None:
    reviewing.add(review=review, version=0, **place_of(review, "Beatrix"), kind="NAME", actor=steward)
    done(review, steward, administrator)
    Path(Report.objects.get(case=row.case).file.path).write_text("Another report altogether.\n")
    reviewing.remake(review_id=review.pk)
    review.refresh_from_db()
    assert (review.state, review.signed_by) == ("open", None)
    assert "review it anew" in review.returned


def test_other_rules_begin_an_unsigned_review_anew(review: ReportReview, steward: User) -> None:
    reviewing.accept_rest(review=review, version=0, actor=steward)
    ReportReview.objects.filter(pk=review.pk).update(basis="0" * 64)
    again = reviewing.open_review(row=review.report, actor=steward)
    assert (again.accepted, again.state) == ([], "open")
    assert "anew" in again.returned


def test_who_looks_is_recorded_and_what_stands_there_is_not(review: ReportReview, steward: User) -> None:
    reviewing.add(review=review, version=0, **place_of(review, "Beatrix"), kind="NAME", actor=steward)
    told = AuditEntry.objects.filter(target=f"deidentified-report:{review.report_id}")
    assert list(told.values_list("action", flat=True)) == ["report.review.look", "report.review.added"]
    assert "Beatrix" not in str(list(told.values("detail", "target")))
    stored = ReportReview.objects.filter(pk=review.pk).values().get()
    assert "Beatrix" not in str(stored)


def test_a_report_that_has_not_passed_is_not_reviewed(row: DeidentifiedReport, steward: User) -> None:
    DeidentifiedReport.objects.filter(pk=row.pk).update(state=State.QUARANTINED)
    row.refresh_from_db()
    with pytest.raises(Conflict, match="not passed"):
        reviewing.open_review(row=row, actor=steward)


def test_the_pages_show_both_texts_and_take_every_step(
    row: DeidentifiedReport, client_of: Callable[[str], Client]
) -> None:
    steward, other = client_of(Role.STEWARD), client_of(Role.ADMINISTRATOR)
    assert b"S19-23421" in steward.get(reverse("deidentify:reviews")).content
    page = steward.get(reverse("deidentify:review", args=[row.pk])).content.decode()
    assert "Amalia" in page
    assert "[NAME]" in page
    address = reverse("deidentify:decide", args=[row.pk])
    steps = [{"deed": "add", "words": "Beatrix", "kind": "NAME"}, {"deed": "rest"}, {"deed": "finish"}]
    for version, step in enumerate(steps):
        assert steward.post(address, {**step, "version": version}).status_code == 302
    part = other.post(address, {"deed": "sign", "version": 3}, headers={"HX-Request": "true"})
    assert b"being made" in part.content
    assert b"<html" not in part.content


@pytest.mark.parametrize(
    "given",
    [
        {"deed": "burn", "version": 0},
        {"deed": "rest", "version": "x"},
        {"deed": "rest", "version": "²"},
        {"deed": "accept", "version": 0},
        {"deed": "accept", "version": 0, "start": -1, "end": 4},
        {"deed": "add", "version": 0, "start": 0, "end": 99999999, "kind": "NAME"},
    ],
)
def test_nonsense_is_refused(
    review: ReportReview, client_of: Callable[[str], Client], given: dict[str, Any]
) -> None:
    answer = client_of(Role.STEWARD).post(reverse("deidentify:decide", args=[review.report_id]), given)
    assert answer.status_code == 400
    review.refresh_from_db()
    assert review.version == 0
