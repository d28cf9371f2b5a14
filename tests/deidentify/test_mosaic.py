import os
from pathlib import Path

import h5py
import numpy as np
import pydicom
import pytest

import vslide
from deidentify.errors import BrokenInput, UnknownContent, UnsupportedFormat
from deidentify.files import deidentify_file
from deidentify.gate.hdf5 import walk_hdf5
from deidentify.gate.needles import Grade
from deidentify.gate.streams import Budget
from deidentify.images.dicom import clean_dicom
from deidentify.images.mosaic import clean_mosaic
from deidentify.known import Known
from tests.deidentify.making import KNOWN
from tests.vslide.slides import brightfield, make_specimen, publish
from vslide.keys import ENVIRONMENT, KeyRing

SHARED = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return publish(tmp_path / "made", make_specimen(brightfield(rows=2, columns=2, scanner="unit 7"))).path


def test_it_passes_a_slide_of_jpeg_chunks_and_opens_a_sealed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "keys"))
    header = brightfield(rows=2, columns=2, encoding="jpeg", key_id=KeyRing(tmp_path / "keys").create())
    specimen, target = make_specimen(header), tmp_path / "out.h5"
    source = publish(tmp_path / "made", specimen).path
    assert deidentify_file(source, target, Known.from_dict(KNOWN)).certificate["state"] == "clean"
    monkeypatch.delenv(ENVIRONMENT)
    with vslide.open(target) as slide:
        assert np.array_equal(slide.region(0, 0, *slide.size), specimen.mosaic())


def test_the_gate_reads_the_comments_of_jpeg_chunks(tmp_path: Path) -> None:
    source = publish(tmp_path, make_specimen(brightfield(rows=1, columns=1, encoding="jpeg"))).path
    data = source.read_bytes()
    at = data.index(b"\xff\xd8\xff\xe0")
    name = next(iter(KNOWN["names"])).encode()
    comment = b"\xff\xfe" + (2 + len(name)).to_bytes(2, "big") + name
    changed = data[: at + 20] + comment + data[at + 20 + len(comment) :]
    source.write_bytes(changed)
    with source.open("rb") as stream:
        streams = list(walk_hdf5(source, memoryview(stream.read()), Budget()))
    assert any(stream.grade is Grade.TEXT and name in stream.data for stream in streams)


def test_it_copies_pixels_under_new_identifiers(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "out.h5"
    assert deidentify_file(source, target, Known.from_dict(KNOWN)).certificate["state"] == "clean"
    with vslide.open(source) as before, vslide.open(target) as after:
        assert before.header is not None
        assert after.header is not None
        assert before.header.slide_id != after.header.slide_id
        assert after.header.scanner == ""
        for level in before.levels:
            width, height = (int(-(-side // level)) for side in before.size)
            regions = [one.region(0, 0, width, height, level=level) for one in (before, after)]
            assert np.array_equal(regions[0], regions[1])
    assert before.header.slide_id.encode() not in target.read_bytes()
    assert before.header.run_id.encode() not in target.read_bytes()


def test_it_keeps_every_stored_chunk_and_checksum(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "out.h5"
    clean_mosaic(source, target)
    assert [fault for fault in vslide.verify_slide(target) if not fault.startswith("manifest")] == []


@pytest.mark.parametrize("place", ["/", "/fields/1", "/overview"])
def test_it_stops_at_an_attribute_of_a_stranger(tmp_path: Path, source: Path, place: str) -> None:
    source.chmod(0o600)
    with h5py.File(source, "r+") as file:
        file[place].attrs["slide_name"] = "John Doe"
    with pytest.raises(UnknownContent) as stop:
        clean_mosaic(source, tmp_path / "out.h5")
    assert "Doe" not in str(stop.value)


def test_it_stops_at_a_damaged_chunk(tmp_path: Path, source: Path) -> None:
    with h5py.File(source) as file:
        place = file["fields/1"].id.get_chunk_info(0).byte_offset
    source.chmod(0o600)
    data = bytearray(source.read_bytes())
    data[place + 40] ^= 1
    source.write_bytes(data)
    with pytest.raises(BrokenInput, match="checksum"):
        clean_mosaic(source, tmp_path / "out.h5")


def test_it_refuses_a_stranger_s_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = [1]
    with pytest.raises(UnsupportedFormat):
        clean_mosaic(tmp_path / "a.h5", tmp_path / "out.h5")


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("BurnedInAnnotation", "YES"),
        ("SpecimenLabelInImage", "YES"),
        ("ImageType", ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]),
        ("ImageType", ["DERIVED", "PRIMARY", "VOLUME", "VANDERMEER"]),
    ],
)
def test_it_refuses_an_instance_with_words_in_it(tmp_path: Path, keyword: str, value: object) -> None:
    source = SHARED / "wsi" / "sm_image.dcm"
    if not source.exists():
        pytest.skip("the shared folder with real slides is absent")
    data = pydicom.dcmread(source)
    setattr(data, keyword, value)
    data.save_as(tmp_path / "in.dcm")
    with pytest.raises((UnsupportedFormat, UnknownContent)) as caught:
        clean_dicom(tmp_path / "in.dcm", tmp_path / "out.dcm")
    assert "VANDERMEER" not in str(caught.value)
    assert not (tmp_path / "out.dcm").exists()
