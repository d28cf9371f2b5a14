"""Files that are not what they seem, in the folder that `manage import_slides` looks through: each is named
with its reason, nothing of it comes into the store, and the good file beside it does.
"""

import struct
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from django.conf import settings
from django.core.management import CommandError, call_command

from core.errors import BadInput, Conflict
from lims.models import Slide
from lims.services import move_by_hand
from lims.states import State
from scanning.models import ImportedFile
from scanning.services import import_folder, match_by_hand
from tests.conftest import person
from tests.lims import making

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(180)]
GOOD = "S26-77-good"


def good(path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (512, 512, 3), np.uint8)
    with tifffile.TiffWriter(path) as tiff:
        for level in (pixels, pixels[::2, ::2]):
            tiff.write(np.ascontiguousarray(level), tile=(256, 256), photometric="rgb", compression="jpeg")


def half(path: Path) -> None:
    good(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def circle(path: Path) -> None:
    """A directory whose next directory is itself."""
    entry = struct.pack("<HHIHH", 256, 3, 1, 16, 0)
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 8))


def text(path: Path) -> None:
    path.write_text("this is a shopping list\n" * 100)


def elsewhere(path: Path) -> None:
    """An HDF5 file that keeps its pixels in another file."""
    with h5py.File(path, "w") as file:
        file.create_dataset("pixels", (64, 64), "uint8", external=[("/etc/hostname", 0, 4096)])


def nothing(path: Path) -> None:
    path.touch()


BAD: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "half written": ("S26-77-half.svs", half, "unfinished"),
    "empty": ("S26-77-empty.svs", nothing, "unfinished"),
    "directories in a circle": ("S26-77-circle.svs", circle, "refused"),
    "text": ("S26-77-text.svs", text, "refused"),
    "pixels elsewhere": ("S26-77-elsewhere.h5", elsewhere, "refused"),
    "pixels elsewhere under a vendor's name": ("S26-77-hidden.svs", elsewhere, "refused"),
}


def stored() -> list[Path]:
    return [path for path in Path(settings.SLIDE_ROOT).rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_named_and_left_outside(tmp_path: Path, kind: str):
    name, make, verdict = BAD[kind]
    folder = tmp_path / "dropped"
    folder.mkdir()
    bad = making.slide(barcode=Path(name).stem)
    making.slide(barcode=GOOD)
    make(folder / name)
    good(folder / f"{GOOD}.svs")
    before = (folder / name).read_bytes()
    found = import_folder(folder=folder, settle_s=0.05)
    assert [slide.barcode for slide in found.matched] == [GOOD]
    assert name in (found.unfinished if verdict == "unfinished" else dict(found.refused))
    assert [file.suffix for file in stored()] == [".svs"]
    bad.refresh_from_db()
    assert bad.state == State.REGISTERED
    assert (folder / name).read_bytes() == before


def test_the_command_says_what_it_did_with_every_file(tmp_path: Path):
    for name, make, _ in BAD.values():
        make(tmp_path / name)
    good(tmp_path / "nobodys.tif")
    said, complained = StringIO(), StringIO()
    call_command("import_slides", tmp_path, settle=0.05, stdout=said, stderr=complained)
    lines = {line.split()[1].rstrip(":"): line for line in complained.getvalue().splitlines()}
    assert lines.keys() == {name for name, _, verdict in BAD.values() if verdict == "refused"}
    assert "unmatched       nobodys.tif" in said.getvalue()
    assert said.getvalue().count("not finished") == 2
    with pytest.raises(CommandError, match="is no folder"):
        call_command("import_slides", tmp_path / "nowhere", stdout=said)


def test_a_person_cannot_bring_an_unsafe_file_in_by_hand(tmp_path: Path):
    slide = making.slide()
    elsewhere(tmp_path / "tempting.h5")
    row = ImportedFile.objects.create(
        name="tempting.h5", path=str(tmp_path / "tempting.h5"), state="unmatched"
    )
    with pytest.raises(BadInput, match="another file"):
        match_by_hand(found=row, barcode=slide.barcode, actor=person("technician"))
    assert Slide.objects.get(pk=slide.pk).state == State.REGISTERED
    assert stored() == []


def test_a_file_for_a_slide_that_is_taken_waits_for_a_person(tmp_path: Path):
    slide = making.slide(barcode=GOOD)
    good(tmp_path / f"{GOOD}.svs")
    move_by_hand(slide=slide, to=State.REJECTED, actor=person("technician"), note="broken glass")
    assert import_folder(folder=tmp_path, settle_s=0.05).unmatched == [f"{GOOD}.svs"]
    row = ImportedFile.objects.get()
    with pytest.raises(Conflict, match="rejected"):
        match_by_hand(found=row, barcode=GOOD, actor=person("technician"))
