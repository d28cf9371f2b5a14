"""Exports to TIFF, and what all formats share: names, progress, memory."""

import os
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import openslide
import pytest
import tifffile

import vslide
from tests.vslide.slides import FOUR, brightfield, make_header, make_specimen, publish
from tests.vslide.stacks import make_stack
from vslide.__main__ import main
from vslide.errors import AlreadyThere, Damaged, NotASlide
from vslide.export import FORMATS, export
from vslide.export.common import Options, Source
from vslide.model import RGB, Channel
from vslide.readers.vendor import VendorReader

DATA = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data are not on this machine")
OME = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory):
    """A 16-bit slide of two colours, three layers and two times, and its file."""
    dapi = replace(FOUR[0], colour="#0000ff", excitation_nm=358.0, emission_nm=461.0, exposure_ms=20.0)
    channels = (dapi, Channel("FITC", "#00ff00"))
    specimen = make_stack(
        make_header(
            rows=2, columns=4, layers=3, times=2, channels=channels, field_width=300, field_height=200
        )
    )
    return specimen, publish(tmp_path_factory.mktemp("stack"), specimen).path


@pytest.fixture(scope="module")
def colour(tmp_path_factory: pytest.TempPathFactory):
    """A brightfield slide and its file."""
    specimen = make_specimen(brightfield(rows=3, columns=4, field_width=300, field_height=200))
    return specimen, publish(tmp_path_factory.mktemp("colour"), specimen).path


def test_an_ome_tiff_holds_every_channel_layer_and_time(stack, tmp_path):
    specimen, path = stack
    with vslide.open(path) as slide:
        export(slide, tmp_path / "a.ome.tif", "ome-tiff")
        coarse = slide.region(0, 0, 200, 90, level=4, z=1)
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        series = tiff.series[0]
        assert (series.axes, len(series.levels)) == ("TCZYX", 2)
        assert np.array_equal(series.asarray(), specimen.whole())
        level = series.levels[1].asarray()[0, :, 1]
    wide, tall = min(200, level.shape[2]), min(90, level.shape[1])
    assert np.array_equal(level[:, :tall, :wide], coarse[:, :tall, :wide])


def test_an_ome_tiff_says_what_the_microscope_was(stack, tmp_path):
    with vslide.open(stack[1]) as slide:
        export(slide, tmp_path / "a.ome.tif", "ome-tiff")
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        root = ElementTree.fromstring(tiff.ome_metadata or "")  # noqa: S314 - our own text
    pixels, channel, objective = (next(root.iter(OME + name)) for name in ("Pixels", "Channel", "Objective"))
    assert (pixels.get("PhysicalSizeX"), pixels.get("PhysicalSizeZ")) == ("0.5", "1.5")
    assert objective.get("NominalMagnification") == "20.0"
    assert (channel.get("Name"), channel.get("Color")) == ("DAPI", str(0x0000FFFF))
    assert (channel.get("ExcitationWavelength"), channel.get("EmissionWavelength")) == ("358.0", "461.0")
    assert {plane.get("ExposureTime") for plane in root.iter(OME + "Plane")} == {"20.0"}


def test_openslide_and_our_reader_open_a_colour_ome_tiff(colour, tmp_path):
    specimen, path = colour
    with vslide.open(path) as slide:
        export(slide, tmp_path / "a.ome.tif", "ome-tiff")
    tall, wide = specimen.mosaic().shape[1:]
    with openslide.OpenSlide(tmp_path / "a.ome.tif") as exported:
        assert exported.properties["openslide.vendor"] == "generic-tiff"
        seen = np.asarray(exported.read_region((0, 0), 0, (wide, tall)).convert("RGB"))
    assert np.array_equal(np.moveaxis(seen, -1, 0), specimen.mosaic())
    with vslide.open(tmp_path / "a.ome.tif") as exported:
        assert (exported.channels, exported.pixel_size_um, exported.magnification) == (RGB, 0.5, 20)
        assert len(exported.levels) == 2
        assert np.array_equal(exported.region(0, 0, wide, tall), specimen.mosaic())


def test_an_svs_is_aperios_and_names_nobody(colour, tmp_path):
    with vslide.open(colour[1]) as slide:
        export(slide, tmp_path / "a.svs", "svs")
    with openslide.OpenSlide(tmp_path / "a.svs") as exported:
        properties = exported.properties
        assert properties["openslide.vendor"] == "aperio"
        assert (properties["openslide.mpp-x"], properties["openslide.objective-power"]) == ("0.5", "20")
        assert exported.level_downsamples[1] == pytest.approx(4, rel=0.01)
        assert list(exported.associated_images) == ["thumbnail"]
    with tifffile.TiffFile(tmp_path / "a.svs") as tiff:
        texts = [page.aspage().description for page in tiff.pages]
    words = set(re.findall(r"[A-Za-z]+", " ".join(texts)))
    assert words == {"Aperio", "Image", "Library", "v", "x", "JPEG", "RGB", "Q", "AppMag", "MPP"}


def test_an_svs_of_a_stack_shows_the_middle_layer(tmp_path):
    specimen = make_stack(brightfield(rows=1, columns=2, layers=3, field_width=64, field_height=64))
    for pixels in specimen.pixels.items():
        pixels[1][:] = 60 * pixels[0][0].z + 20
    with vslide.open(publish(tmp_path, specimen).path) as slide:
        export(slide, tmp_path / "a.svs", "svs")
    with openslide.OpenSlide(tmp_path / "a.svs") as exported:
        seen = np.asarray(exported.read_region((10, 10), 0, (1, 1)))
    assert np.abs(seen[0, 0, :3].astype(int) - 80).max() < 3


@needs_data
@pytest.mark.parametrize(("kind", "loss"), [("ome-tiff", 0), ("dicom", 8)])
def test_a_vendors_slide_is_exported_too(kind, loss, tmp_path):
    with vslide.open(DATA / "wsi" / "CMU-1-Small-Region.svs") as slide:
        export(slide, tmp_path / "out", kind)
        with vslide.open(tmp_path / "out") as exported:
            assert exported.size == slide.size
            assert exported.pixel_size_um == pytest.approx(slide.pixel_size_um)
            one, other = (x.region(900, 900, 200, 200).astype(int) for x in (slide, exported))
    assert np.abs(one - other).mean() <= loss


@pytest.mark.parametrize("kind", FORMATS)
def test_what_stands_is_never_overwritten_and_nothing_is_left(colour, kind, tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with vslide.open(colour[1]) as slide:
        for name in ("file", "folder", "link"):
            with pytest.raises(AlreadyThere):
                export(slide, tmp_path / name, kind)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "link"]
    assert (tmp_path / "file").read_bytes() == b"mine"


class Failing(VendorReader):
    """A picture whose far corner does not decode."""

    def __init__(self, side: int, levels: tuple[float, ...] = (1.0,), failing: bool = True) -> None:
        self.size, self.levels, self.failing = (side, side), levels, failing
        self.pixel_size_um, self.magnification = 0.5, 20.0
        self.dtype, self.channels = np.dtype(np.uint8), RGB
        self.longest = 0

    def read_level(self, number, box, channels, z):
        self.longest = max(self.longest, *box[2:])
        if self.failing and box[0] + box[2] >= self.size[0]:
            raise Damaged("the corner is torn")
        return np.full((len(channels), box[3], box[2]), 200, np.uint8)

    def close(self) -> None: ...


@pytest.mark.parametrize("kind", ["ome-tiff", "svs", "ome-zarr", "dicom"])
def test_a_failed_export_leaves_nothing(kind, tmp_path):
    with pytest.raises(Damaged):
        export(Failing(1500), tmp_path / "out", kind)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["ome-tiff", "svs", "ome-zarr", "dicom"])
def test_memory_stays_bounded_whatever_the_size(kind, tmp_path):
    export(Failing(300, failing=False), tmp_path / "first", kind)  # loads the libraries
    side, levels = 4096, (1, 4, 16)
    slide = Failing(side, tuple(map(float, levels)), failing=False)
    seen: list[tuple[int, int]] = []
    tracemalloc.start()
    export(slide, tmp_path / "out", kind, progress=lambda *at: seen.append(at))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * side * side, f"{peak / 1e6:.0f} MB, more than half of the pixels"
    done, total = zip(*seen, strict=True)
    assert max(done) == total[0] == 3 * sum((side // level) ** 2 for level in levels)


def test_a_coarse_level_of_a_large_picture_is_read_in_parts():
    slide = Failing(1 << 14, failing=False)
    found = Source(slide, Options()).read(0, 0, 40, 50, level=64)
    assert found.shape == (3, 50, 40)
    assert slide.longest <= 1024
    assert np.unique(found).tolist() == [200]


def test_a_slide_of_one_colour_does_not_fit_an_svs(stack, tmp_path):
    with vslide.open(stack[1]) as slide, pytest.raises(NotASlide, match="OME-TIFF"):
        export(slide, tmp_path / "a.svs", "svs")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.svs", "svs"), ("a.zarr", "ome-zarr"), ("a.json", "reference"), ("a.tif", "ome-tiff")],
)
def test_the_command_chooses_by_the_name(colour, tmp_path, capsys, name, kind):
    assert main(["export", str(colour[1]), str(tmp_path / name), "--json"]) == 0
    assert f'"format": "{kind}"' in capsys.readouterr().out
    assert main(["export", str(colour[1]), str(tmp_path / name)]) == 1
    assert capsys.readouterr().err.startswith("already_there: ")


def test_a_terminal_sees_progress(colour, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert main(["export", str(colour[1]), str(tmp_path / "out"), "--format", "dicom"]) == 0
    assert re.fullmatch(r"(\r\d+ %)+\r\x1b\[K", capsys.readouterr().err)
