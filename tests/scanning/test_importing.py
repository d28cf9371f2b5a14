"""Vendor files come in by name or label, copied and checked; what cannot is told, and stays where it was."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from django.core.management import call_command

from core.errors import BadInput, Conflict
from lims.models import Slide
from lims.states import State
from microscope.drivers.watchfolder import SlideFile
from scanning import services
from scanning.models import ImportedFile
from scanning.services import importing
from tests.lims.making import slide
from viewer.models import VirtualSlide
from vslide.errors import Damaged

pytestmark = pytest.mark.django_db


def picture(folder: Path, name: str, seed: int = 1) -> Path:
    folder.mkdir(exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (300, 400, 3)).astype(np.uint8)
    tifffile.imwrite(folder / name, pixels, tile=(64, 64), photometric="rgb")
    return folder / name


def look(folder: Path) -> importing.Imported:
    return services.import_folder(folder=folder, settle_s=0.01)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "dropped"


def test_a_file_named_like_a_slide_becomes_its_pixels(folder, settings):
    made = slide()
    source = picture(folder, f"{made.barcode}.tif")
    assert look(folder).matched == [made]
    row = VirtualSlide.objects.get()
    copy = Path(settings.SLIDE_ROOT) / row.path
    assert copy.read_bytes() == source.read_bytes()
    assert made.barcode not in row.path
    assert (row.kind, row.width, row.height) == ("vendor", 400, 300)
    assert Slide.objects.get().state == State.SCANNED
    assert ImportedFile.objects.get().state == "matched"


def test_looking_again_changes_nothing(folder):
    made = slide()
    picture(folder, f"{made.barcode}.tif")
    look(folder)
    assert look(folder) == importing.Imported()
    assert VirtualSlide.objects.count() == ImportedFile.objects.count() == 1


def test_a_file_without_a_slide_waits_for_a_person(folder, technician):
    source = picture(folder, "scan 17.tif")
    assert look(folder).unmatched == ["scan 17.tif"]
    found, made = ImportedFile.objects.get(state="unmatched"), slide()
    services.match_by_hand(found=found, barcode=f" {made.barcode} ", actor=technician)
    assert Slide.objects.get().state == State.SCANNED
    assert ImportedFile.objects.get().slide == made
    assert source.is_file()


def test_two_files_for_one_slide_are_left_to_a_person(folder):
    made = slide()
    picture(folder, f"{made.barcode}.tif", 1)
    picture(folder, f"{made.barcode}_again.tif", 2)
    assert len(look(folder).unmatched) == 2
    assert Slide.objects.get().state == State.REGISTERED


def test_what_is_no_slide_is_refused_with_a_reason_and_the_others_come_in(folder):
    made = slide()
    picture(folder, f"{made.barcode}.tif")
    (folder / "broken.svs").write_text("this is no TIFF file at all")
    result = look(folder)
    assert result.matched == [made]
    assert [name for name, _ in result.refused] == ["broken.svs"]
    assert ImportedFile.objects.get(name="broken.svs").message


def test_one_that_fails_on_the_way_keeps_no_other_from_coming_in(folder, settings, monkeypatch):
    first, second = slide(), slide()
    picture(folder, f"{first.barcode}.tif", 1)
    picture(folder, f"{second.barcode}.tif", 2)
    register = services.register_file

    def torn(**facts):
        if facts["slide"] == first:
            raise Damaged("torn")
        return register(**facts)

    monkeypatch.setattr(importing, "register_file", torn)
    result = look(folder)
    assert result.matched == [second]
    assert result.refused == [(f"{first.barcode}.tif", "torn")]
    copies = [path for path in Path(settings.SLIDE_ROOT).rglob("*") if path.is_file()]
    assert len(copies) == 1  # nothing is left of the torn one


def test_a_file_that_changes_while_it_is_copied_is_not_taken(folder, settings):
    made = slide()
    source = picture(folder, f"{made.barcode}.tif")
    changed = SlideFile(source, source.stem, source.stat().st_size, "0" * 64)
    with pytest.raises(Conflict):
        services.import_file(file=changed, slide=made)
    assert not [path for path in Path(settings.SLIDE_ROOT).rglob("*") if path.is_file()]
    assert Slide.objects.get().state == State.REGISTERED


@pytest.mark.parametrize("state", [State.SCANNED, State.READY, State.SCANNING, State.RELEASED])
def test_a_slide_with_pixels_or_on_its_way_gets_no_others(folder, state):
    made = slide(state)
    source = picture(folder, "x.tif")
    with pytest.raises(Conflict):
        services.import_file(file=SlideFile(source, "x", 1, "0" * 64), slide=made)


def test_a_person_who_names_nothing_is_told(folder, technician):
    source = picture(folder, "x.tif")
    look(folder)
    found = ImportedFile.objects.get()
    with pytest.raises(BadInput):
        services.match_by_hand(found=found, barcode="B-NONE", actor=technician)
    made = slide()
    source.write_text("something else by now")
    with pytest.raises(BadInput):
        services.match_by_hand(found=found, barcode=made.barcode, actor=technician)
    source.unlink()
    with pytest.raises(Conflict):
        services.match_by_hand(found=found, barcode=made.barcode, actor=technician)


def test_there_must_be_a_folder(tmp_path):
    with pytest.raises(BadInput):
        look(tmp_path / "nowhere")


def test_the_command_says_what_it_did(folder, capsys):
    made = slide()
    picture(folder, f"{made.barcode}.tif")
    picture(folder, "stranger.tif", 2)
    call_command("import_slides", str(folder))
    said = capsys.readouterr().out
    assert made.barcode in said
    assert "stranger.tif" in said
