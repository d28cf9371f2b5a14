"""Withdrawn: the bytes go, a tombstone stays, every derivative is found."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from core.errors import BadInput, Conflict, NotAllowed
from core.models import Job
from corpus import bag
from corpus.derivatives import derivatives, named
from corpus.models import Release
from corpus.services import build, bury, reconcile, withdraw
from corpus.tasks import bury as bury_task
from deidentify.models import DeidentifiedSlide
from lims.models import Slide
from lims.services import advance
from lims.states import State
from tests.conftest import person
from tests.corpus.making import approved, read_slide
from tests.lims.making import slide as made_slide

pytestmark = pytest.mark.django_db(databases=["default", "vault"])
CASE: dict[str, Any] = {"accession": "S19-23421", "mrn": "00481516", "tissue": "breast"}


def released(*, other: bool = True) -> Release:
    read_slide(barcode="S19-23421-A1-1", **CASE)
    if other:
        read_slide(barcode="S19-23421-A2-1", block="A2", **CASE)
    return build(release=approved())


def withdrawn(name: str) -> list[Slide]:
    slides = list(named(name))
    withdraw(slides=slides, reason="asked for by the patient", actor=person("steward"))
    bury(slides=slides)
    return slides


def test_the_bytes_go_and_a_tombstone_stays() -> None:
    release = released()
    before = release.manifest_sha256
    (slide,) = withdrawn("S19-23421-A1-1")
    release.refresh_from_db()
    rows = {row["path"]: row for row in bag.rows_of(release.folder)}
    gone = {path for path, row in rows.items() if "withdrawn" in row}
    assert len(gone) == 3  # image and two files of annotations; the case's report has another slide beside it
    assert not any((release.folder / path).exists() for path in gone)
    assert (release.revision, release.manifest_sha256 != before) == (2, True)
    assert bag.verify(release.folder, release.manifest_sha256) == []
    assert Slide.objects.get(pk=slide.pk).state == State.WITHDRAWN
    assert not DeidentifiedSlide.objects.get(slide=slide).file.exists()


def test_nothing_of_a_patient_is_left() -> None:
    release = released()
    withdrawn("00481516")
    assert [path for path in (release.folder / "data").rglob("*") if path.is_file()] == []
    found = derivatives(named("00481516"))
    assert {one.kind for one in found if one.there} == {"virtual slide", "annotations"}  # the hospital's own
    assert sum(one.kind == "released image" and not one.there for one in found) == 2


def test_it_is_safe_to_repeat() -> None:
    release = released()
    slides = withdrawn("S19-23421-A1-1")
    release.refresh_from_db()
    assert withdraw(slides=slides, reason="once more", actor=person("steward")) == 0
    assert bury(slides=slides) == []
    bury_task(slide_id=slides[0].pk)
    assert Release.objects.get(pk=release.pk).revision == release.revision == 2


def test_who_withdraws_a_slide_on_its_own_page_buries_it_too() -> None:
    release = released(other=False)
    slide = Slide.objects.get(barcode="S19-23421-A1-1")
    advance(slide=slide, to=State.WITHDRAWN, actor=person("steward"), note="asked for")
    job = Job.objects.get(task="corpus.bury")
    bury_task(**job.args)
    assert list((release.folder / "data").rglob("*.svs")) == []
    assert release.items.get(kind="image").withdrawn_reason == "asked for"


def test_a_burial_that_was_given_up_is_asked_for_again_until_it_is_done() -> None:
    release = released(other=False)
    slide = Slide.objects.get(barcode="S19-23421-A1-1")
    advance(slide=slide, to=State.WITHDRAWN, actor=person("steward"), note="asked for")
    Job.objects.update(failed_at=timezone.now())
    reconcile()
    assert not Job.objects.filter(failed_at=None).exists()
    Job.objects.update(failed_at=timezone.now() - timedelta(minutes=11))
    reconcile()
    reconcile()
    again = Job.objects.filter(task="corpus.bury", failed_at=None)
    assert again.count() == 1
    bury_task(**again.get().args)
    Job.objects.update(done_at=timezone.now())
    reconcile()
    assert not Job.objects.filter(done_at=None).exists()
    assert release.items.get(kind="image").withdrawn_at is not None


def test_a_slide_that_stays_is_not_buried() -> None:
    release = released(other=False)
    assert bury(slides=Slide.objects.all()) == []
    assert bag.verify(release.folder, release.manifest_sha256) == []


def test_a_slide_that_has_not_come_so_far_is_dealt_with_first() -> None:
    released(other=False)
    name = {"given_name": "Quentin", "family_name": "Vandermeer"}
    early = made_slide(State.REGISTERED, barcode="S19-23421-B1-1", block="B1", **CASE, **name)
    with pytest.raises(Conflict, match="S19-23421-B1-1"):
        withdraw(slides=named("00481516"), reason="asked for", actor=person("steward"))
    advance(slide=early, to=State.REJECTED, actor=person("manager"), note="not wanted")
    assert withdraw(slides=named("00481516"), reason="asked for", actor=person("steward")) == 5


def test_a_worker_that_died_half_way_is_followed_by_one_that_finishes() -> None:
    release = released()
    slides = list(named("S19-23421-A1-1"))
    withdraw(slides=slides, reason="asked for", actor=person("steward"))
    image = release.items.get(slide=slides[0], kind="image")
    (release.folder / image.path).unlink()  # and then the power went
    assert bury(slides=slides) == [release]
    release.refresh_from_db()
    assert bag.verify(release.folder, release.manifest_sha256) == []


def test_what_was_buried_may_not_come_back() -> None:
    release = released()
    (slide,) = withdrawn("S19-23421-A1-1")
    release.refresh_from_db()
    image = release.items.get(slide=slide, kind="image")
    (release.folder / image.path).write_bytes(b"again")
    assert [wrong.what for wrong in bag.verify(release.folder)] == ["was withdrawn and is still there"]


def test_only_a_steward_withdraws_and_says_why() -> None:
    released(other=False)
    slides = named("S19-23421-A1-1")
    with pytest.raises(NotAllowed):
        withdraw(slides=slides, reason="asked for", actor=person("manager"))
    with pytest.raises(BadInput):
        withdraw(slides=slides, reason=" ", actor=person("steward"))
    with pytest.raises(Conflict):
        withdraw(slides=[], reason="asked for", actor=person("steward"))
    assert Slide.objects.get(barcode="S19-23421-A1-1").state == State.RELEASED


def test_a_draft_that_names_it_is_dealt_with_first() -> None:
    read_slide(**CASE)
    approved()
    with pytest.raises(Conflict, match="draft"):
        withdraw(slides=named("S19-23421"), reason="asked for", actor=person("steward"))


def test_the_drill_lists_everything_and_changes_nothing() -> None:
    release = released()
    out = StringIO()
    call_command("withdraw", "S19-23421", "--drill", stdout=out)
    said = out.getvalue()
    kinds = ("virtual slide", "clean image", "clean report", "released image", "released report")
    assert [kind for kind in (*kinds, "annotations") if kind not in said] == []
    assert "2 slides" in said
    assert bag.verify(release.folder, release.manifest_sha256) == []


def test_the_pages_show_what_there_is_and_withdraw_it(client: Any) -> None:
    release = released(other=False)
    client.force_login(person("steward"), backend="django.contrib.auth.backends.ModelBackend")
    page = client.get("/corpus/withdrawals/", {"name": "S19-23421"}).content.decode()
    assert "released image" in page.lower()
    client.post("/corpus/withdrawals/", {"name": "S19-23421", "reason": "asked for"})
    bury(slides=list(named("S19-23421")))
    assert "asked for" in client.get("/corpus/withdrawals/").content.decode()
    shown = client.get(f"/corpus/{release.number}/").content.decode()
    assert "withdrawn" in shown
    image = release.items.filter(kind="image").get()
    assert client.get(f"/corpus/{release.number}/files/{image.path}").status_code == 404


def test_two_releases_are_compared() -> None:
    first = released(other=False)
    read_slide(barcode="S19-23421-A2-1", block="A2", **CASE)
    second = build(release=approved())
    out = StringIO()
    call_command("diff_releases", str(first.number), str(second.number), "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert len(found["added"]) + len(found["moved"]) == len(found["removed"]) + len(found["moved"]) == 3
    assert found["changed"] == []
    assert found["same"] == 2  # the case's report, in two forms
