"""OME-TIFF made clean: planes, levels below them, strips, and the OME-XML that says what they are."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from deidentify.errors import BrokenInput, DeidentifyError, UnknownContent, UnsupportedFormat
from deidentify.images.omexml import SCHEMA, read_ome, write_ome
from deidentify.images.slides import clean_tiff
from tests.deidentify.making import reduced, tissue

PERSON = "Quentin Vandermeer"
GREY = np.stack([tissue(256)[..., 0], tissue(256)[..., 1]])
NAMES = {
    "Channel": {"Name": ["DAPI", PERSON]},
    "PhysicalSizeX": 0.25,
    "PhysicalSizeXUnit": "µm",
    "axes": "CYX",
}


def pyramid(
    path: Path, picture: Any = GREY, told: dict[str, Any] = NAMES, *, label: bool = False, **how: Any
) -> Path:
    """Levels of 256 and 64 px a plane below each other, and a label as a second picture."""
    colours = told["axes"] == "YXS"
    small = reduced(picture, 4) if colours else np.stack([plane[::4, ::4] for plane in picture])
    how = {"tile": (64, 64), "photometric": "minisblack", "software": PERSON, **how}
    with tifffile.TiffWriter(path, ome=True, bigtiff=how.pop("bigtiff", False)) as file:
        file.write(picture, subifds=1, metadata=told, **how)
        file.write(small, subfiletype=1, **how)
        if label:
            file.write(tissue(100), photometric="rgb", metadata={"Name": "Label"})
    return path


def clean(source: Path) -> Path:
    target = source.with_name("clean.ome.tif")
    with target.open("w+b") as file:
        clean_tiff(source, file)
    return target


def document(inner: str = "", pixels: str = "", *, attributes: str = "", data: str = "<TiffData/>") -> str:
    return (
        f'<OME xmlns="{SCHEMA}" UUID="urn:uuid:1">{inner}<Image ID="Image:0"><Pixels ID="Pixels:0" '
        f'DimensionOrder="XYCZT" Type="uint8" SizeX="64" SizeY="48" SizeZ="1" SizeC="2" SizeT="1" '
        f'{attributes}><Channel ID="Channel:0:0"/><Channel ID="Channel:0:1"/>{data}{pixels}'
        "</Pixels></Image></OME>"
    )


@pytest.mark.parametrize("bigtiff", [False, True])
def test_every_plane_and_level_keeps_its_pixels(tmp_path: Path, bigtiff: bool) -> None:
    source = pyramid(tmp_path / "a.ome.tif", bigtiff=bigtiff, label=True)
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(clean(source)) as after:
        assert len(before.series) == 2
        assert len(after.series) == 1
        assert after.series[0].axes == "CYX"
        assert len(after.series[0].levels) == 2
        for old, new in zip(before.series[0].levels, after.series[0].levels, strict=True):
            assert np.array_equal(old.asarray(), new.asarray())


def test_it_says_nothing_of_the_person(tmp_path: Path) -> None:
    source = pyramid(tmp_path / "a.ome.tif", label=True)
    assert PERSON.encode() in source.read_bytes()
    target = clean(source)
    assert b"Vandermeer" not in target.read_bytes()
    with tifffile.TiffFile(target) as file:
        pixels = fromstring(file.ome_metadata or "").find(f".//{{{SCHEMA}}}Pixels")
    assert pixels is not None
    assert (pixels.get("PhysicalSizeX"), pixels.get("PhysicalSizeXUnit")) == ("0.25", "µm")
    assert [one.get("Name") for one in pixels.iter(f"{{{SCHEMA}}}Channel")] == ["DAPI", None]


def test_brightfield_in_jpeg_tiles_is_copied(tmp_path: Path) -> None:
    how: dict[str, Any] = {"compression": "jpeg", "photometric": "rgb"}
    source = pyramid(tmp_path / "a.ome.tif", tissue(256), {"axes": "YXS"}, **how)
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(clean(source)) as after:
        assert np.array_equal(before.asarray(), after.asarray())
        assert before.pages[0].databytecounts == after.pages[0].databytecounts


def test_strips_are_copied_without_what_stands_behind_them(tmp_path: Path) -> None:
    source = tmp_path / "a.ome.tif"
    tifffile.imwrite(source, GREY[:, :50], ome=True, rowsperstrip=16, photometric="minisblack")
    target = clean(source)
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(target) as after:
        assert np.array_equal(before.asarray(), after.asarray())
        assert after.pages[0].databytecounts == (16 * 256, 16 * 256, 16 * 256, 2 * 256)


def test_a_label_below_the_slide_is_seen_by_its_pixels(tmp_path: Path) -> None:
    source = tmp_path / "a.ome.tif"
    how: dict[str, Any] = {"tile": (64, 64), "photometric": "rgb"}
    other = np.ascontiguousarray(tissue(256)[::-1, ::-1][::4, ::4])
    with tifffile.TiffWriter(source, ome=True) as file:
        file.write(tissue(256), subifds=1, metadata={"axes": "YXS"}, **how)
        file.write(other, subfiletype=1, **how)
    with pytest.raises(UnknownContent, match=r"directory 0\.0 has the shape"):
        clean(source)


def test_a_level_of_another_shape_stops_it(tmp_path: Path) -> None:
    source = tmp_path / "a.ome.tif"
    how: dict[str, Any] = {"tile": (64, 64), "photometric": "rgb"}
    with tifffile.TiffWriter(source, ome=True) as file:
        file.write(tissue(256), subifds=1, metadata={"axes": "YXS"}, **how)
        file.write(tissue(128)[:64], subfiletype=1, **how)
    with pytest.raises(UnknownContent, match="level 0 of directory 0"):
        clean(source)


def test_levels_below_a_level_stop_it(tmp_path: Path) -> None:
    source = pyramid(tmp_path / "a.ome.tif")
    data = bytearray(source.read_bytes())
    with tifffile.TiffFile(source) as file:
        level = file.pages[0].aspage().pages[0].aspage()  # type: ignore[index]
    following = level.offset + 2 + 12 * len(level.tags)
    data[following : following + 4] = file.pages.first.offset.to_bytes(4, "little")
    source.write_bytes(data)
    with pytest.raises(UnknownContent, match="more directories follow"):
        clean(source)


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        (document("<Surprise/>"), UnknownContent, "does not have"),
        (document(attributes='Patient="x"'), UnknownContent, "on no list"),
        (document(attributes='PhysicalSizeX="1" PhysicalSizeXUnit="x"'), UnknownContent, "unit"),
        (document(attributes='PhysicalSizeX="-1"'), BrokenInput, "impossible"),
        (
            document(data='<TiffData><UUID FileName="b">urn:uuid:2</UUID></TiffData>'),
            UnsupportedFormat,
            "several",
        ),
        (document(data='<TiffData IFD="0"/>'), BrokenInput, "do not fit"),
        (document(data='<TiffData FirstC="7"/>'), BrokenInput, "outside"),
        (document().replace('SizeZ="1"', 'SizeZ="99999"'), UnsupportedFormat, "planes"),
        (
            document().replace('Image ID="Image:0"', 'Image ID="Image:0" Name="macro image"'),
            UnsupportedFormat,
            "no",
        ),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]>" + document(), BrokenInput, "cannot be read"),
        (document()[:-3], BrokenInput, "cannot be read"),
    ],
)
def test_what_it_cannot_vouch_for_is_refused(text: str, error: type[DeidentifyError], told: str) -> None:
    with pytest.raises(error, match=told) as stop:
        read_ome(text, 2)
    assert "Surprise" not in str(stop.value)


def test_the_magnification_is_that_of_the_named_objective() -> None:
    told = (
        '<Instrument ID="I"><Objective ID="O:1" NominalMagnification="20"/><Objective ID="O:2"/></Instrument>'
    )
    text = document(told).replace("<Pixels", '<ObjectiveSettings ID="O:1"/><Pixels')
    slide = read_ome(text, 2)
    assert slide.magnification == 20
    assert read_ome(write_ome(slide), 2) == slide


@given(
    z=st.integers(1, 4), c=st.integers(1, 4), t=st.integers(1, 3), order=st.permutations("ZCT").map("".join)
)
def test_planes_are_counted_in_the_order_of_the_picture(z: int, c: int, t: int, order: str) -> None:
    text = document().replace('SizeZ="1" SizeC="2" SizeT="1"', f'SizeZ="{z}" SizeC="{c}" SizeT="{t}"')
    text = text.replace("XYCZT", "XY" + order).replace(
        '<Channel ID="Channel:0:0"/><Channel ID="Channel:0:1"/>', ""
    )
    slide = read_ome(text, z * c * t)
    steps = {"Z": 1, "C": 1, "T": 1}
    steps[order[1]] = {"Z": z, "C": c, "T": t}[order[0]]
    steps[order[2]] = steps[order[1]] * {"Z": z, "C": c, "T": t}[order[1]]
    assert len(slide.planes) == z * c * t
    for plane in slide.planes:
        assert plane.directory == plane.z * steps["Z"] + plane.c * steps["C"] + plane.t * steps["T"]
    assert read_ome(write_ome(slide), z * c * t).planes == slide.planes


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    for tried in (text, document(text), document(attributes=text)):
        with suppress(DeidentifyError):
            assert len(read_ome(tried, 2).planes) == 2
