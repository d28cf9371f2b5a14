"""A vendor's file on its whole way, by the API and by hand: into the record, seen, de-identified, read,
released.
"""

import hashlib
import os
import shutil
import urllib.error
from pathlib import Path

import pytest
import tifffile

from tests.system.laboratory import Laboratory, until
from tests.system.person import Person, refusal

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
SLIDE = Path(os.environ.get("NOCTURNE_DATA", SHARED)) / "wsi" / "CMU-1-Small-Region.svs"
BARCODE = "CMU-1-Small-Region"
WHY = {"small_cells_reason": "one slide of the public domain"}
STATE = "SELECT state, replace(uid, '-', '') FROM lims_slide WHERE barcode = ?"


READERS = ("paul", "petra")


def submit(reader: Person, uid: str) -> int:
    """Sign the slide off, if this reader has it; how many readings that were."""
    waiting = [row for row in reader.see("/api/assignments/?state=open")["results"] if row["slide"] == uid]
    for row in waiting:
        reader.post(f"/api/assignments/{row['id']}/submit/", {"active_s": 60})
    return len(waiting)


def state(laboratory: Laboratory) -> str:
    return str(laboratory.ask(STATE, BARCODE)[0][0])


@pytest.mark.skipif(not SLIDE.is_file(), reason="no whole-slide file beside the checkout: set NOCTURNE_DATA")
def test_a_vendors_slide_is_seen_de_identified_and_released(laboratory: Laboratory, tmp_path: Path):
    tess = Person(laboratory, "tess")
    laboratory.run("enrol_readers", "--every-day")
    tess.post(
        "/api/slides/",
        {"barcode": BARCODE, "accession": "CMU-1", "mrn": "90210001", "family_name": "Castellanos"},
    )
    shutil.copy(SLIDE, tmp_path / SLIDE.name)
    said = laboratory.run("import_slides", str(tmp_path), "--settle", "0.1")
    assert f"in the record   {BARCODE}" in said
    uid = laboratory.ask(STATE, BARCODE)[0][1]
    assert tess.get(f"/viewer/{_dashed(uid)}/tile/0/0/0.jpg")[:2] == b"\xff\xd8"
    until(lambda: state(laboratory) == "assigned", 120, f"{BARCODE} is assigned")
    assert sum(submit(Person(laboratory, name), _dashed(uid)) for name in READERS) == 1
    number = Person(laboratory, "stella").post("/api/releases/", WHY)["number"]
    Person(laboratory, "adam").post(f"/api/releases/{number}/approve/")
    until(lambda: _ended(laboratory, number), 120, "the release has ended")
    assert state(laboratory) == "released", laboratory.ask("SELECT problem FROM corpus_release")
    _check_release(laboratory, number)


def _ended(laboratory: Laboratory, number: int) -> bool:
    (found,) = laboratory.ask("SELECT state FROM corpus_release WHERE number = ?", number)[0]
    return found in ("published", "failed")


def _dashed(uid: str) -> str:
    return f"{uid[:8]}-{uid[8:12]}-{uid[12:16]}-{uid[16:20]}-{uid[20:]}"


def _check_release(laboratory: Laboratory, number: int) -> None:
    release = laboratory.var / "releases" / str(number)
    (image,) = release.rglob("*.svs")
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    assert (
        f"{digest}  {image.relative_to(release).as_posix()}" in (release / "manifest-sha256.txt").read_text()
    )
    with tifffile.TiffFile(image) as ours, tifffile.TiffFile(SLIDE) as theirs:
        assert ours.pages[0].shape == theirs.pages[0].shape
        words = " ".join(page.aspage().description.lower() for page in ours.pages)
    assert not [
        word for word in ("label", "macro", "filename", "scanscope id", "user", "date") if word in words
    ]


@pytest.mark.parametrize("problem", ["unknown", "duplicate"])
def test_a_night_does_not_begin_with_a_barcode_that_is_unknown_or_twice_there(
    laboratory: Laboratory, problem: str
):
    tess = Person(laboratory, "tess")
    barcode = f"P-{problem}"
    tess.post(
        "/api/slides/", {"barcode": barcode, "accession": barcode, "mrn": barcode, "family_name": "Nakamura"}
    )
    batch = tess.post("/api/batches/", {"name": barcode})["id"]
    second = "P-nobody" if problem == "unknown" else barcode
    tess.post(
        f"/api/batches/{batch}/load/",
        [{"carousel": 1, "position": at, "barcode": code} for at, code in ((1, barcode), (2, second))],
    )
    problems = tess.see(f"/api/batches/{batch}/preflight/")
    assert problem in {row["kind"] for row in problems if row["blocking"]}
    with pytest.raises(urllib.error.HTTPError) as refused:
        tess.post("/api/nights/", {"batch": batch, "scanner": "scanner-1"})
    assert (refused.value.code, refusal(refused.value)["code"]) == (409, "conflict")
    assert laboratory.ask("SELECT state FROM lims_slide WHERE barcode = ?", barcode) == [("loaded",)]
    tess.post(f"/api/batches/{batch}/unload/", {"carousel": 1, "position": 2})
    assert not [row for row in tess.see(f"/api/batches/{batch}/preflight/") if row["blocking"]]
