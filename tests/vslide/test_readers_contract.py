"""One contract for every reader: a local file, a live journal, a remote slide of each kind, a vendor's
file.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile

import vslide
from tests.vslide.dealing import dealt
from tests.vslide.slides import make_header, make_specimen, publish, write_journal
from vslide.errors import NoSuchField, NotASlide
from vslide.export import export
from vslide.export.common import Options
from vslide.reader import SlideReader
from vslide.remote import open_remote

MOSAICS = ("hdf5", "journal", "remote hdf5", "remote journal", "broker hdf5", "broker journal", "pixels hdf5")
VENDORS = ("tiff", "remote tiff", "broker tiff", "dicom", "remote dicom")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    """The same specimen as a file and as a journal, a vendor's picture, and a dealer before all of them."""
    root = tmp_path_factory.mktemp("store")
    specimen = make_specimen(make_header(rows=3, columns=4))
    path = publish(root, specimen).path
    write_journal(root / "live", specimen)
    picture = np.random.default_rng(1).integers(0, 255, (300, 400, 3)).astype(np.uint8)
    tifffile.imwrite(root / "vendor.tif", picture, tile=(64, 64), photometric="rgb", resolution=(20_000,
    20_000),
                     resolutionunit=3)  # fmt: skip
    with vslide.open(root / "vendor.tif") as slide:
        export(slide, root / "series", "dicom", Options(lossless=True))
    with dealt(root) as endpoint, dealt(None, behind=[endpoint]) as broker:
        yield {
            "specimen": specimen,
            "picture": picture,
            "hdf5": str(path),
            "journal": str(root / "live"),
            "tiff": str(root / "vendor.tif"),
            "dicom": str(root / "series"),
            "remote dicom": f"{endpoint}#series",
            "remote hdf5": f"{endpoint}#{path.relative_to(root)}",
            "remote journal": f"{endpoint}#live",
            "remote tiff": f"{endpoint}#vendor.tif",
            "broker hdf5": f"{broker}#{path.relative_to(root)}",
            "broker journal": f"{broker}#live",
            "broker tiff": f"{broker}#vendor.tif",
            "pixels hdf5": f"{endpoint}#{path.relative_to(root)}",
            "endpoint": endpoint,
            "root": root,
        }


def opened(store, name: str) -> SlideReader:
    if name.startswith("pixels"):
        return open_remote(store[name], pixels=True)
    return vslide.open(store[name])


@pytest.fixture(params=[*MOSAICS, *VENDORS])
def reader(request, store) -> Iterator[SlideReader]:
    with opened(store, request.param) as slide:
        yield slide


@pytest.fixture(params=MOSAICS)
def mosaic(request, store) -> Iterator[SlideReader]:
    with opened(store, request.param) as slide:
        yield slide


@pytest.fixture(params=VENDORS)
def vendor(request, store) -> Iterator[SlideReader]:
    with opened(store, request.param) as slide:
        yield slide


def test_it_says_what_it_is(reader):
    assert reader.kind in {"mosaic", "vendor"}
    assert reader.levels[0] == 1
    assert list(reader.levels) == sorted(reader.levels)
    assert reader.pixel_size_um == 0.5
    assert (reader.header is None, not reader.fields) == (reader.kind == "vendor",) * 2
    about = json.loads(json.dumps(reader.info()))
    assert (about["width"], about["height"]) == tuple(reader.size)


def test_a_region_has_the_shape_and_type_that_were_asked_for(reader):
    count = len(reader.channels)
    found = reader.region(3, 5, 40, 30)
    assert (found.shape, found.dtype) == ((count, 30, 40), reader.dtype)
    assert reader.region(0, 0, 20, 10, level=2.5, channels=[1]).shape == (1, 10, 20)
    found[:] = 0  # the caller's own


def test_a_region_comes_by_micrometres_too(reader):
    found = reader.region_um(10, 5.1, 20, 15, level=2, channels=[1])
    assert np.array_equal(found, reader.region(10, 5, 20, 15, level=2, channels=[1]))


def test_what_lies_far_away_is_refused(reader):
    for corner in ((1 << 62, 0), (0, -(1 << 62))):
        with pytest.raises(NoSuchField):
            reader.region(*corner, 4, 4, level=32)


@pytest.mark.parametrize("where", [{"z": 1}, {"z": -1}, {"t": 1}, {"t": -1}, {"level": float("inf")}])
def test_a_layer_or_time_that_is_not_there_is_named(reader, where):
    assert (reader.layers, reader.times) == (1, 1)
    with pytest.raises(NoSuchField):
        reader.region(0, 0, 4, 4, **where)


def test_outside_is_background(reader):
    width, height = reader.size
    away = reader.region(width + 10, height + 10, 8, 8)
    assert len(np.unique(away)) == 1
    edge = reader.region(-8, -8, 16, 16)
    assert (edge[:, :8, :] == away.flat[0]).all()


def test_parts_make_the_whole(reader):
    whole = reader.region(0, 0, 100, 80)
    parts = [reader.region(x, 0, 25, 80) for x in range(0, 100, 25)]
    assert np.array_equal(np.concatenate(parts, axis=2), whole)


def test_a_thumbnail_fits(reader):
    found = reader.thumbnail(64)
    assert found.shape[0] == len(reader.channels)
    assert max(found.shape[1:]) <= 64
    assert max(reader.thumbnail(1 << 14).shape[1:]) <= max(reader.size)


@pytest.mark.parametrize(
    "ask",
    [
        {"width": 0, "height": 5},
        {"width": 1 << 20, "height": 1 << 20},
        {"width": 5, "height": 5, "channels": [9]},
        {"width": 5, "height": 5, "level": 0},
    ],
)
def test_it_refuses_a_region_that_makes_no_sense(reader, ask):
    with pytest.raises(NoSuchField):
        reader.region(0, 0, **ask)


def test_many_threads_read_alike(reader):
    boxes = [(x, y, 32, 24) for x in range(0, 120, 40) for y in range(0, 90, 30)]
    expected = [reader.region(*box) for box in boxes]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda box: reader.region(*box), boxes))
    assert all(np.array_equal(one, other) for one, other in zip(expected, found, strict=True))


def test_a_mosaic_is_the_specimen(mosaic, store):
    reference = store["specimen"].mosaic()
    width, height = mosaic.size
    assert np.array_equal(mosaic.region(0, 0, width, height), reference)
    assert mosaic.header == store["specimen"].header


def test_it_knows_the_field_at_a_place(mosaic, store):
    corners = store["specimen"].corners
    last = mosaic.fields[-1]
    x, y = corners[last.key]
    assert mosaic.field_at(x + 50, y + 40) == last
    assert mosaic.field_at(-1, 0) is None


def test_a_field_is_what_the_camera_saw(mosaic, store):
    specimen = store["specimen"]
    for field in mosaic.fields[::5]:
        assert np.array_equal(mosaic.plane(field.index, 2), specimen.pixels[field.key, 2])
        assert mosaic.plane(field.index, 2, level=8).shape == (9, 13)


def test_a_chunk_is_the_bytes_that_were_stored(mosaic, store):
    plane = next(p for p in store["specimen"].planes() if (p.key, p.channel) == (mosaic.fields[3].key, 1))
    rows, columns = mosaic.header.chunk_counts
    found = [mosaic.chunk(3, 1, row, column) for row in range(rows) for column in range(columns)]
    assert tuple(found) == plane.chunks


@pytest.mark.parametrize("ask", [(99, 0, 1), (-1, 0, 1), (0, 9, 1), (0, 0, 3)])
def test_a_field_that_is_not_there_is_named(mosaic, ask):
    with pytest.raises(NoSuchField):
        mosaic.plane(ask[0], ask[1], level=ask[2])
    with pytest.raises(NoSuchField):
        mosaic.chunk(ask[0], ask[1], 0, 0, level=ask[2])


def test_a_chunk_that_is_not_there_is_named(mosaic):
    with pytest.raises(NoSuchField):
        mosaic.chunk(0, 0, 99, 0)


def test_a_vendor_file_shows_its_picture_and_keeps_no_fields(vendor, store):
    expected = np.moveaxis(store["picture"], -1, 0)[:, 10:60, 20:90]
    assert np.array_equal(vendor.region(20, 10, 70, 50), expected)
    assert vendor.field_at(5, 5) is None
    for ask in (lambda: vendor.plane(0, 0), lambda: vendor.chunk(0, 0, 0, 0)):
        with pytest.raises(NoSuchField):
            ask()


def test_a_region_larger_than_a_frame_travels_whole(store, monkeypatch):
    monkeypatch.setattr("vslide.dealer.FRAME_BYTES", 1000)
    with vslide.open(store["hdf5"]) as here, opened(store, "pixels hdf5") as there:
        assert np.array_equal(here.region(0, 0, 200, 150), there.region(0, 0, 200, 150))


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "nothing.h5", "a\0b", "."])
def test_a_dealer_shows_nothing_but_its_slides(store, name):
    with pytest.raises(NotASlide):
        vslide.open(f"{store['endpoint']}#{name}")


def test_a_remote_journal_shows_what_came_since(store, tmp_path):
    specimen = make_specimen(make_header(rows=2, columns=2))
    planes = specimen.planes()
    directory, header = store["root"] / "growing", specimen.header
    with vslide.Journal.create(directory, header, header.run_id, 1, len(planes)) as journal:
        for number, plane in enumerate(planes):
            journal.append(plane, number)
            if number == 3:
                journal.commit()
                with vslide.open(f"{store['endpoint']}#growing") as early:
                    assert len(early.fields) == 1
        journal.commit()
    with vslide.open(f"{store['endpoint']}#growing") as late:
        assert len(late.fields) == 4


def test_a_remote_slide_without_a_dealer_says_so():
    with pytest.raises(NotASlide):
        vslide.open("tcp://127.0.0.1:9")
