"""A release from the proposal to the folder: two people, whole or not at all, searched once more."""

import json
import zipfile
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError

from core.errors import NotAllowed
from core.models import Job
from corpus import bag, queries, tasks
from corpus.errors import NoKeys, NotReleasable
from corpus.models import Release, ReleaseItem
from corpus.services import approve_release, build, create_release, discard_release
from corpus.services.filling import fill
from deidentify.models import DeidentifiedReport, DeidentifiedSlide
from deidentify.vault.services import key_for
from lims.models import Slide
from lims.states import State
from tests.conftest import person
from tests.corpus.making import WHY, approved, read_slide

pytestmark = pytest.mark.django_db(databases=["default", "vault"])
CASE: dict[str, Any] = {"accession": "S19-23421", "mrn": "00481516", "tissue": "breast"}


def everything(root: Path) -> bytes:
    """Every byte of a folder, with the members of its Word files."""
    parts = []
    for file in sorted(root.rglob("*")):
        parts.append(str(file.relative_to(root)).encode())
        if file.suffix == ".docx":
            with zipfile.ZipFile(file) as archive:
                parts += [archive.read(name) for name in archive.namelist()]
        elif file.is_file():
            parts.append(file.read_bytes())
    return b"\n".join(parts)


def test_two_slides_of_a_case_become_a_release():
    slides = [
        read_slide(barcode=f"S19-23421-A{n}-1", block=f"A{n}", comment="borders", **CASE) for n in (1, 2)
    ]
    release = build(release=approved())
    assert (release.state, release.problem) == ("published", "")
    root = release.folder
    assert bag.verify(root, release.manifest_sha256) == []
    names = sorted(file.name[10:] for file in (root / "data").rglob("*") if file.is_file())
    assert names == [".docx", ".txt"] + [
        f"_0a001_lvl0001_s0{n}.{end}" for n in (0, 1) for end in ("geojson", "svs", "xml")
    ]
    assert {Slide.objects.get(pk=one.pk).state for one in slides} == {State.RELEASED}
    content = everything(root)
    for secret in (b"Vandermeer", b"Quentin", b"00481516", b"23421", b"2019-05-12", b"pathologist"):
        assert secret not in content
    assert b"reader-" in content
    total = json.loads((root / "statistics.json").read_text())["total"]
    assert (total["slides"], total["patients"], total["cases"], total["annotations"]) == (2, 1, 1, 2)
    assert not [left for left in root.parent.iterdir() if left.name.startswith(".building")]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("slides", [2, pytest.param(200, marks=pytest.mark.campaign)])
def test_it_is_the_same_to_the_last_byte_when_it_is_built_twice(tmp_path: Path, slides: int):
    for number in range(slides):
        patient = number // 10
        read_slide(
            barcode=f"S19-{patient:05}-A{number % 10}-1",
            block=f"A{number % 10}",
            accession=f"S19-{patient:05}",
            mrn=f"{481516 + patient:08}",
            tissue="breast",
        )
    release = approved()
    contents = []
    for name in ("one", "two"):
        root = tmp_path / name
        root.mkdir()
        filled = fill(release, root)
        files = sorted(file for file in root.rglob("*") if file.is_file())
        contents.append([(file.relative_to(root), file.read_bytes()) for file in files])
    assert contents[0] == contents[1]
    assert len(contents[0]) == 8 + 3 * slides + 2 * -(-slides // 10)
    _flip_a_bit(files[len(files) // 2])
    assert len(bag.verify(root, filled.manifest_sha256)) == 1


def _flip_a_bit(file: Path) -> None:
    whole = bytearray(file.read_bytes())
    whole[len(whole) // 2] ^= 1
    file.unlink()  # a link to the file that passed the gate
    file.write_bytes(whole)


def test_it_writes_the_other_tree():
    read_slide(**CASE)
    release = build(release=approved("tudp-v1.0.0"))
    assert release.state == "published"
    path = release.items.get(kind="image").path
    assert path.startswith("data/tudp/v1.0.0/svs/breast/000001/")
    assert "2019_05_12" not in path


def test_the_gate_stops_what_a_reader_wrote():
    one = read_slide(comment="discussed with Mr Vandermeer", **CASE)
    release = build(release=approved())
    assert release.state == "failed"
    assert "gate_" in release.problem or "gate found" in release.problem
    assert release.stats["phi_hits"] > 0
    assert not release.folder.exists()
    assert list(release.folder.parent.iterdir()) == []
    assert Slide.objects.get(pk=one.pk).state == State.READ


def test_a_changed_clean_file_stops_it():
    one = read_slide(**CASE)
    file = DeidentifiedSlide.objects.get(slide=one).file
    file.chmod(0o600)
    file.write_bytes(file.read_bytes() + b"x")
    release = build(release=approved())
    assert (release.state, release.folder.exists()) == ("failed", False)
    assert "not the one that passed" in release.problem


def test_a_slide_that_moved_on_stops_it():
    one = read_slide(**CASE)
    release = approved()
    Slide.objects.filter(pk=one.pk).update(state=State.WITHDRAWN)
    assert build(release=release).state == "failed"


def test_only_clean_read_slides_may_leave():
    one = read_slide(**CASE)
    DeidentifiedReport.objects.update(state="quarantined")
    assert "report" in queries.candidates()[0].problem
    with pytest.raises(NotReleasable):
        create_release(actor=person("steward"), small_cells_reason=WHY)
    DeidentifiedReport.objects.update(state="passed")
    DeidentifiedSlide.objects.update(state="quarantined")
    with pytest.raises(NotReleasable):
        create_release(actor=person("steward"), slides=[one])


def test_no_key_no_release(settings: Any, tmp_path: Path):
    read_slide(**CASE)
    settings.VAULT_KEY_FILE = str(tmp_path / "vault.key")
    key_for(patient_ref="patient:0", reason="an earlier release", actor="steward")
    key = Path(settings.VAULT_KEY_FILE).rename(tmp_path / "unmounted.key")
    with pytest.raises(NoKeys, match="vault_key_missing") as stop:
        approved()
    assert (stop.value.retryable, Release.objects.count()) == (True, 0)
    assert str(tmp_path) not in str(stop.value)
    key.rename(settings.VAULT_KEY_FILE)
    assert approved().items.count() == 1


def test_two_people_release():
    read_slide(**CASE)
    steward = person("steward")
    made = create_release(actor=steward, small_cells_reason=WHY)
    with pytest.raises(NotAllowed, match="Two people"):
        approve_release(release=made, actor=steward)
    for role in ("technician", "pathologist"):
        with pytest.raises(NotAllowed):
            approve_release(release=made, actor=person(role))
    with pytest.raises(IntegrityError):
        Release.objects.filter(pk=made.pk).update(approved_by=steward)


def test_an_approval_enqueues_the_building_which_is_safe_to_repeat():
    read_slide(**CASE)
    release = approved()
    assert Job.objects.filter(task="corpus.build_release", args={"release_id": release.pk}).count() == 1
    for _ in range(2):
        tasks.build_release(release_id=release.pk)
    release.refresh_from_db()
    assert release.state == "published"


def test_a_worker_that_died_before_the_record_is_followed_by_one_that_finishes():
    read_slide(**CASE)
    release = build(release=approved())
    files = release.items.count()
    Slide.objects.update(state=State.READ)
    Release.objects.update(state="approved", manifest_sha256="")
    release.items.exclude(kind="image").delete()
    again = build(release=release)
    assert (again.state, again.items.count()) == ("published", files)
    assert bag.verify(again.folder, again.manifest_sha256) == []


def test_a_later_release_takes_no_name_twice():
    read_slide(barcode="S19-23421-A1-1", **CASE)
    first = build(release=approved())
    read_slide(barcode="S19-23421-A2-1", block="A2", **CASE)
    second = build(release=approved())
    paths = ReleaseItem.objects.filter(kind="image").values_list("path", flat=True)
    assert (first.number, second.number) == (1, 2)
    assert len(set(paths)) == 2


def test_a_draft_may_be_discarded_and_a_release_may_not():
    read_slide(**CASE)
    draft = create_release(actor=person("steward"), small_cells_reason=WHY)
    assert queries.candidates() == []  # a draft names it: no second one does
    discard_release(release=draft, actor=person("steward"))
    assert len(queries.candidates()) == 1
    assert not Release.objects.exists()


def test_the_command_verifies():
    read_slide(**CASE)
    release = build(release=approved())
    out = StringIO()
    call_command("verify_release", str(release.number), stdout=out)
    assert "every one as it was published" in out.getvalue()
    (release.folder / "README.md").write_text("other")
    with pytest.raises(CommandError, match="1 files"):
        call_command("verify_release", str(release.number), stderr=StringIO())
    with pytest.raises(CommandError, match="no release"):
        call_command("verify_release", "99")


def test_an_image_that_is_made_anew_while_it_is_built_stops_the_release(monkeypatch: pytest.MonkeyPatch):
    slide = read_slide(barcode="S19-23421-A1-1", block="A1", **CASE)
    release = approved()

    def cover_meanwhile(*given: Any) -> Any:
        filled = fill(*given)
        DeidentifiedSlide.objects.filter(slide=slide).update(state="pending")
        return filled

    monkeypatch.setattr("corpus.services.building.fill", cover_meanwhile)
    release = build(release=release)
    assert release.state == Release.State.FAILED
    assert "made anew while the release was built" in release.problem
    assert not release.folder.exists()
    assert Slide.objects.get(pk=slide.pk).state == State.READ
