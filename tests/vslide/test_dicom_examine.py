"""DICOM files of unknown origin: a typed refusal or a slide, never a dead or dawdling process."""

import os
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

import vslide
from tests.vslide.slides import brightfield, make_header, make_specimen, publish
from vslide.errors import SlideError, UnsafeFile
from vslide.examine import examine
from vslide.export import export
from vslide.inspect import inspect_file

WSI = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "wsi"
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PIXELS = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Small sound files: JPEG, JPEG-LS of two channels, uncompressed."""
    folder = tmp_path_factory.mktemp("sound")
    for name, header in (
        ("jpeg", brightfield(rows=1, columns=2)),
        ("jpeg-ls", make_header(rows=1, columns=2)),
    ):
        with vslide.open(publish(folder / name, make_specimen(header)).path) as slide:
            export(slide, folder / name / "out", "dicom")
    files = {name: folder / name / "out" / "level-0.dcm" for name in ("jpeg", "jpeg-ls")}
    data = pydicom.dcmread(files["jpeg-ls"])
    data.decompress(generate_instance_uid=False)
    files["raw"] = folder / "raw.dcm"
    data.save_as(files["raw"])
    return {name: file.read_bytes() for name, file in files.items()}


def refusal(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    kind, reasons = examine(path)
    assert kind == "dicom"
    return "; ".join(reasons)


@pytest.mark.parametrize("name", ["jpeg", "jpeg-ls", "raw"])
def test_our_own_exports_pass_the_inspection(sound, name, tmp_path):
    (tmp_path / "a.dcm").write_bytes(sound[name])
    assert inspect_file(tmp_path / "a.dcm").kind == "dicom"


@pytest.mark.skipif(not WSI.is_dir(), reason="the shared data are not on this machine")
@pytest.mark.parametrize("path", sorted(WSI.glob("*m*_*.dcm")), ids=lambda path: path.name)
def test_the_slides_of_others_pass_and_what_breaks_the_standard_does_not(path):
    reasons = examine(path)[1]
    assert bool(reasons) == (path.name == "slide_coordinates_microscopy.dcm")  # progressive, as baseline


@pytest.mark.parametrize("name", ["jpeg", "raw"])
def test_a_file_that_was_cut_is_refused(sound, name, tmp_path):
    data = sound[name]
    for end in (140, 400, len(data) // 2, len(data) - 20):
        assert refusal(tmp_path / "a.dcm", data[:end])


def rewritten(sound: dict[str, bytes], name: str, path: Path, change) -> bytes:
    path.write_bytes(sound[name])
    data = pydicom.dcmread(path)
    change(data)
    data.save_as(path)
    return path.read_bytes()


def grow(name: str, value: int | str):
    return lambda data: setattr(data, name, value)


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("raw", grow("NumberOfFrames", 4_000_000), "frames"),
        ("raw", grow("NumberOfFrames", 2_000_000_000), "declares"),
        ("raw", grow("Rows", 65_535), "declares|bytes of pixels"),
        ("raw", grow("BitsAllocated", 32), "not read"),
        ("raw", grow("TotalPixelMatrixColumns", 1 << 31), "tiles"),
        ("raw", grow("TotalPixelMatrixFocalPlanes", 4), "layers"),
        ("raw", grow("PhotometricInterpretation", "PALETTE COLOR"), "not read"),
        ("jpeg", grow("NumberOfFrames", 9), "fragments|tiles"),
        ("jpeg", grow("Columns", 256), "instead of|tiles"),
        ("jpeg", grow("TotalPixelMatrixRows", 0), "px"),
    ],
)  # fmt: skip
def test_sizes_that_contradict_the_stored_bytes_are_refused(sound, tmp_path, name, change, why):
    found = refusal(tmp_path / "a.dcm", rewritten(sound, name, tmp_path / "b.dcm", change))
    assert any(word in found for word in why.split("|")), found


def test_a_frame_that_would_unfold_to_gigabytes_is_refused(sound, tmp_path):
    frame = bytearray(imagecodecs.jpegls_encode(np.zeros((16, 16), np.uint16)))
    at = frame.index(b"\xff\xf7") + 5
    frame[at : at + 4] = b"\xff\xff\xff\xff"

    def bomb(data: Dataset) -> None:
        data.PixelData = encapsulate([bytes(frame)] * data.NumberOfFrames)

    data = rewritten(sound, "jpeg-ls", tmp_path / "b.dcm", bomb)
    assert "width=65535" in refusal(tmp_path / "a.dcm", data)


def test_a_deflated_file_is_refused_without_inflating_it(sound, tmp_path):
    data = sound["raw"]
    syntax = b"1.2.840.10008.1.2.1.99"
    old = b"UI\x14\x001.2.840.10008.1.2.1\0"
    assert old in data
    start = 144 + int.from_bytes(data[140:144], "little")
    meta = data[:start].replace(old, b"UI" + len(syntax).to_bytes(2, "little") + syntax)
    meta = meta[:140] + (len(meta) - 144).to_bytes(4, "little") + meta[144:]
    bomb = zlib.compress(bytes(1 << 26))
    assert "1.2.840.10008.1.2.1.99" in refusal(tmp_path / "a.dcm", meta + bomb)


@pytest.mark.parametrize("depth", [20, 50_000])
def test_sequences_nested_too_deep_are_refused(sound, tmp_path, depth):
    data = sound["jpeg"]
    start = 144 + int.from_bytes(data[140:144], "little")
    inner = b"\x40\x00\x60\x05SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    assert "deeper" in refusal(tmp_path / "a.dcm", data[:start] + inner * depth)


def test_an_offset_table_that_points_elsewhere_is_refused(sound, tmp_path):
    def split(data: Dataset) -> None:
        frames = list(pydicom.encaps.generate_frames(data.PixelData, number_of_frames=data.NumberOfFrames))
        data.PixelData = encapsulate(frames, fragments_per_frame=2, has_bot=True)

    data = bytearray(rewritten(sound, "jpeg-ls", tmp_path / "b.dcm", split))
    at = data.index(PIXELS) + len(PIXELS) + 8
    data[at + 4] ^= 2
    assert "offset table" in refusal(tmp_path / "a.dcm", bytes(data))


def test_sparse_frames_without_a_place_are_refused(sound, tmp_path):
    def scatter(data: Dataset) -> None:
        data.DimensionOrganizationType = "TILED_SPARSE"
        data.PerFrameFunctionalGroupsSequence = Sequence([Dataset() for _ in range(data.NumberOfFrames)])

    assert "place" in refusal(tmp_path / "a.dcm", rewritten(sound, "raw", tmp_path / "b.dcm", scatter))


@FUZZ
@given(
    name=st.sampled_from(["jpeg", "jpeg-ls", "raw"]),
    hits=st.lists(st.tuples(st.integers(0, 1 << 30), st.integers(0, 255)), min_size=1, max_size=6),
    early=st.booleans(),
    cut=st.integers(0, 1 << 30),
)
def test_a_mutated_file_is_refused_or_read(sound, tmp_path, name, hits, early, cut):
    data = bytearray(sound[name])
    reach = data.index(b"\xe0\x7f\x10\x00") + 40 if early else len(data)
    for where, value in hits:
        data[132 + where % (reach - 132)] = value
    if cut % 5 == 0:
        del data[132 + cut % (len(data) - 132) :]
    path = tmp_path / "a.dcm"
    path.write_bytes(data)
    kind, reasons = examine(path)
    try:
        with vslide.open(path) as slide:
            slide.region(0, 0, min(600, slide.size[0]), min(600, slide.size[1]))
    except SlideError:
        return
    assert kind == "dicom"
    assert not reasons or "frame" in reasons[0]


def test_the_limited_process_refuses_for_the_parent(sound, tmp_path):
    (tmp_path / "a.dcm").write_bytes(sound["jpeg"][:-30])
    with pytest.raises(UnsafeFile, match=r"a\.dcm"):
        inspect_file(tmp_path / "a.dcm")
