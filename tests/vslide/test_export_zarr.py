"""OME-Zarr and the reference, opened by zarr and xarray themselves."""

import json
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest
import xarray
import zarr
from zarr.storage import FsspecStore

import vslide
from tests.vslide.slides import FOUR, brightfield, make_header, make_specimen, publish, write_journal
from tests.vslide.stacks import make_stack
from vslide.__main__ import main
from vslide.errors import NotASlide
from vslide.export import export
from vslide.export.common import Options
from vslide.export.reference import refuse_unless_plain
from vslide.model import Channel

LEVELS = (1, 4, 8, 16, 32)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory):
    """A slide of two colours, two layers and two times, its file, and its OME-Zarr."""
    folder = tmp_path_factory.mktemp("stack")
    header = make_header(
        rows=2,
        columns=4,
        layers=2,
        times=2,
        channels=(Channel("DAPI", "#0000ff", black_level=90), FOUR[1]),
        field_width=300,
        field_height=200,
    )
    specimen = make_stack(header)
    path = publish(folder, specimen).path
    with vslide.open(path) as slide:
        export(slide, folder / "a.zarr", "ome-zarr")
    return specimen, path, folder / "a.zarr"


@pytest.fixture(scope="module")
def referred(tmp_path_factory: pytest.TempPathFactory):
    """A slide of many fields, its file, and the reference to it."""
    folder = tmp_path_factory.mktemp("reference")
    specimen = make_specimen(make_header(rows=3, columns=4))
    path = publish(folder, specimen).path
    with vslide.open(path) as slide:
        export(slide, folder / "a.json", "reference", Options(url=str(path)))
    return specimen, path, folder / "a.json"


def opened(store: Path | FsspecStore) -> Any:
    """zarr's own types name every kind of value for each attribute and member: tests know which one it is."""
    return zarr.open_group(store, mode="r")


def through(reference: Path, **options: Any) -> Any:
    store = FsspecStore.from_url(
        "reference://", storage_options={"fo": str(reference)} | options, read_only=True
    )
    return opened(store)


def test_zarr_opens_every_plane_of_an_ome_zarr(stack):
    specimen, _, path = stack
    group = opened(path)
    assert np.array_equal(group["level1/image"][:], specimen.whole())
    multiscale = group.attrs["multiscales"][0]
    assert [axis["name"] for axis in multiscale["axes"]] == list("tczyx")
    assert [one["path"] for one in multiscale["datasets"]] == ["level1/image", "level4/image"]


def test_the_levels_of_an_ome_zarr_are_the_slides(stack):
    _, path, exported = stack
    coarse = opened(exported)["level4/image"]
    with vslide.open(path) as slide:
        expected = slide.region(0, 0, coarse.shape[4], coarse.shape[3], level=4, z=1)
    assert np.array_equal(coarse[0, :, 1], expected)


def test_an_ome_zarr_knows_its_scale_and_colours(stack):
    attributes = opened(stack[2]).attrs
    scale, shift = attributes["multiscales"][0]["datasets"][1]["coordinateTransformations"]
    assert scale == {"type": "scale", "scale": [1.0, 1.0, 1.5, 2.0, 2.0]}
    assert shift == {"type": "translation", "translation": [0.0, 0.0, 0.0, 0.75, 0.75]}
    units = {axis["name"]: axis.get("unit") for axis in attributes["multiscales"][0]["axes"]}
    assert (units["z"], units["y"], units["x"], units["c"]) == (*["micrometer"] * 3, None)
    first = attributes["omero"]["channels"][0]
    assert (first["label"], first["color"], first["window"]["start"]) == ("DAPI", "0000FF", 90)


def test_xarray_opens_an_ome_zarr_as_a_tree_and_by_level(stack):
    specimen, _, path = stack
    with xarray.open_zarr(path, group="level1", chunks=None) as level:
        assert level.image.dims == tuple("tczyx")
        assert level.image.dtype == np.uint16
        assert np.array_equal(level.image.values, specimen.whole())
    with xarray.open_datatree(path, engine="zarr", chunks=None) as tree:
        assert set(tree.children) == {"level1", "level4"}


def test_a_colour_slide_becomes_three_channels(tmp_path):
    specimen = make_specimen(brightfield(rows=1, columns=2))
    with vslide.open(publish(tmp_path, specimen).path) as slide:
        export(slide, tmp_path / "a.zarr", "ome-zarr")
    group = opened(tmp_path / "a.zarr")
    assert np.array_equal(group["level1/image"][0, :, 0], specimen.mosaic())
    assert [one["color"] for one in group.attrs["omero"]["channels"]] == ["FF0000", "00FF00", "0000FF"]


def test_zarr_h5py_and_we_read_the_same_pixels(referred):
    _, path, reference = referred
    group = through(reference)
    assert hdf5plugin.Blosc.filter_id == 32001
    with h5py.File(path, locking=False) as file, vslide.open(path) as slide:
        for level in LEVELS:
            there = group[f"fields/{level}"]
            assert np.array_equal(there[:], file[f"fields/{level}"][:])
            assert np.array_equal(there[7, 2], slide.plane(7, 2, level=level))
        assert np.array_equal(group["overview"][:], file["overview"][:])
        for column in file["positions"].dtype.names:
            known = file["positions"][column]
            assert np.array_equal(group[f"positions/{column}"][:], known, equal_nan=known.dtype.kind == "f")


def test_a_reference_carries_the_header(referred):
    specimen, _, reference = referred
    attributes = dict(through(reference).attrs)
    assert attributes["slide_id"] == specimen.header.slide_id
    assert [channel["name"] for channel in attributes["channels"]] == ["DAPI", "FITC", "TRITC", "Cy5"]
    assert through(reference)["overview"].attrs["level"] == 4


def test_xarray_opens_the_slide_lazily(referred):
    specimen, _, reference = referred
    options = {"storage_options": {"fo": str(reference)}, "consolidated": True}
    with xarray.open_dataset(
        "reference://", engine="zarr", group="fields", chunks=None, backend_kwargs=options
    ) as fields:
        assert fields["1"].dims == ("field", "channel", "y", "x")
        assert fields["1"].dtype == np.uint16
        key = list(specimen.corners)[5]
        assert np.array_equal(fields["1"][5, 3].values, specimen.pixels[key, 3])


def test_a_reference_holds_places_not_pixels(referred):
    _, path, reference = referred
    text = json.loads(reference.read_text())
    assert text["version"] == 1
    stored = [value for value in text["refs"].values() if isinstance(value, list)]
    data = path.read_bytes()
    with vslide.open(path) as slide:
        _, offset, size = text["refs"]["fields/1/3.1.0.0"]
        assert data[offset : offset + size] == slide.chunk(3, 1, 0, 0)
    assert all(0 < offset < offset + size <= len(data) for _, offset, size in stored)


def test_a_reference_names_the_file_only_and_may_be_pointed_elsewhere(referred, tmp_path, capsys):
    _, path, _ = referred
    assert main(["export", str(path), str(tmp_path / "b.json"), "--format", "reference"]) == 0
    assert json.loads((tmp_path / "b.json").read_text())["templates"] == {"slide": path.name}
    moved = through(tmp_path / "b.json", template_overrides={"slide": str(path)})
    assert moved["fields/32"][:].any()


@pytest.mark.parametrize("changes", [{"key_id": "0" * 16}, {"encoding": "jpeg"}])
def test_stored_bytes_that_are_no_plain_blosc_are_refused(changes):
    with pytest.raises(NotASlide):
        refuse_unless_plain(brightfield(**changes))


def test_an_offset_that_zarr_cannot_add_is_refused():
    with pytest.raises(NotASlide, match="offset"):
        refuse_unless_plain(make_header(channels=(Channel("DAPI", offset=300),)))


def test_only_our_own_file_can_be_referred_to(tmp_path):
    write_journal(tmp_path / "run", make_specimen(make_header(rows=1, columns=1)))
    with vslide.open(tmp_path / "run") as slide, pytest.raises(NotASlide, match="HDF5"):
        export(slide, tmp_path / "a.json", "reference")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
