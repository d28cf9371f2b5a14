"""Masks: every pixel against another program's drawing, in strips, with the table of their values."""

import json
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image
from shapely import contains_xy
from shapely.geometry import Polygon

from annotation.exchange import (
    Document,
    Layer,
    Property,
    Shape,
    TooLarge,
    UnsupportedFormat,
    Wanted,
    write_masks,
)
from annotation.exchange.masks.drawing import drawing_of
from tests.annotation.exchanging import EXAMPLES, FAR, HOLE, SQUARE

TUMOUR = Shape("polygon", {"type": "Polygon", "coordinates": [SQUARE, HOLE]}, "tumour", layer="a", uid="t1")
STROMA = Shape("polygon", {"type": "Polygon", "coordinates": [FAR]}, "stroma", layer="b", uid="s1")
CUT = replace(
    TUMOUR,
    geometry={"type": "Polygon", "coordinates": [[[40, 0], [200, 0], [200, 200], [40, 200], [40, 0]]]},
    negative=True,
)
DRAWN = Document((TUMOUR, STROMA, CUT, EXAMPLES[Property.POINT]), (Layer("a", "A", "#ff0000"),), 0.5)


def drawn(document, size=(160, 150), rows=256, **more):
    drawing, _ = drawing_of(document, size, **more)
    return np.concatenate(list(drawing.strips(rows)))


def test_values_holes_and_what_is_cut_out():
    mask = drawn(DRAWN)
    assert (mask[45, 15], mask[25, 25], mask[45, 45], mask[110, 120], mask[0, 0]) == (2, 0, 0, 1, 0)
    assert np.count_nonzero(mask == 2) == 30 * 40 - 10 * 10


def outlines():
    """Star-shaped outlines: no edge crosses another."""
    radii = some.lists(some.floats(2, 45), min_size=3, max_size=9)
    return radii.map(
        lambda r: [
            [50 + x * math.cos(6.28318 * n / len(r)), 50 + x * math.sin(6.28318 * n / len(r))]
            for n, x in enumerate(r)
        ]
    )


@settings(max_examples=60)
@given(ring=outlines(), step=some.sampled_from([1, 2, 3.5]), rows=some.sampled_from([7, 64]))
def test_a_pixel_is_in_when_its_middle_is(ring, step, rows):
    shape = Shape("polygon", {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}, "x", layer="x")
    mask = drawn(Document((shape,)), (100, 90), rows, step=step)
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]] * step + step / 2
    wanted = contains_xy(Polygon(ring), x, y)
    near = np.zeros(mask.shape, bool)
    for a, b in pairwise([*ring, ring[0]]):  # on an edge either answer is right
        along = np.clip(
            ((x - a[0]) * (b[0] - a[0]) + (y - a[1]) * (b[1] - a[1])) / max(math.dist(a, b) ** 2, 1e-12), 0, 1
        )
        near |= np.hypot(x - a[0] - along * (b[0] - a[0]), y - a[1] - along * (b[1] - a[1])) < 1e-6
    assert np.array_equal(mask.astype(bool)[~near], wanted[~near])


def test_what_lies_outside_the_slide_is_cut_off():
    far = Shape(
        "polygon",
        {"type": "Polygon", "coordinates": [[[-50, -50], [500, -50], [500, 20], [-50, 20], [-50, -50]]]},
    )
    mask = drawn(Document((far,)), (100, 60), rows=13)
    assert mask[:20].all()
    assert not mask[20:].any()


def test_a_png_has_its_values_colours_and_table(tmp_path):
    files, notes = write_masks(DRAWN, "mask-png", tmp_path / "m.png", Wanted((160, 150)))
    assert [file.name for file in files] == ["m.png", "m.json"]
    with Image.open(files[0]) as picture:
        assert picture.mode == "P"
        assert (picture.getpalette() or [])[6:9] == [255, 0, 0]
        assert np.array_equal(np.asarray(picture), drawn(DRAWN))
    table = json.loads(files[1].read_text())
    assert [row["label"] for row in table["values"]] == ["stroma", "tumour"]
    assert table["left_out"] == {"point": 1}
    assert table["um_per_pixel"] == 0.5
    assert "mask-png cannot carry points: lost." in notes


def test_instances_and_a_file_for_each_label(tmp_path):
    files, _ = write_masks(DRAWN, "mask-png", tmp_path / "i.png", Wanted((160, 150), instances=True))
    table = json.loads(files[-1].read_text())
    assert [(row["value"], row["id"]) for row in table["values"]] == [(1, "t1"), (2, "s1")]
    files, _ = write_masks(DRAWN, "mask-png", tmp_path / "e.png", Wanted((160, 150), each_label=True))
    assert [file.name for file in files] == ["e.1.png", "e.2.png", "e.json"]
    with Image.open(files[1]) as picture:
        assert np.array_equal(np.asarray(picture), np.where(drawn(DRAWN) == 2, 255, 0))


def test_more_than_255_values_take_16_bits(tmp_path):
    many = [
        Shape(
            "polygon", {"type": "Polygon", "coordinates": [[[x, 0], [x + 1, 0], [x + 1, 1], [x, 1], [x, 0]]]}
        )
        for x in range(300)
    ]
    document = Document(tuple(many))
    files, _ = write_masks(document, "mask-png", tmp_path / "m.png", Wanted((300, 1), instances=True))
    with Image.open(files[0]) as picture:
        assert np.asarray(picture).ravel().tolist() == list(range(1, 301))


def test_ome_tiff_is_tiled_with_levels_drawn_anew(tmp_path):
    files, _ = write_masks(DRAWN, "mask-ome", tmp_path / "m.ome.tif", Wanted((1600, 1500)))
    with tifffile.TiffFile(files[0]) as file:
        assert file.is_ome
        levels = file.series[0].levels
        assert [level.shape for level in levels] == [(1500, 1600), (750, 800), (375, 400)]
        assert levels[0].keyframe.tile == (256, 256)
        assert 'PhysicalSizeX="0.5"' in str(file.ome_metadata)
        for number, level in enumerate(levels):
            assert np.array_equal(level.asarray(), drawn(DRAWN, (1600, 1500), step=2**number))


def test_a_large_mask_is_never_in_memory_whole():
    wide = replace(
        STROMA, geometry={"type": "Polygon", "coordinates": [[[0, 0], [100000, 0], [0, 100000], [0, 0]]]}
    )
    drawing, _ = drawing_of(Document((wide,)), (100_000, 100_000))
    first = next(iter(drawing.strips()))
    assert first.shape == (256, 100_000)
    assert first.nbytes < 2**25


@pytest.mark.parametrize("size", [(0, 5), (5, 2_000_000)])
def test_it_refuses_sizes_that_are_none(size):
    with pytest.raises(TooLarge):
        drawing_of(DRAWN, size)


def test_it_refuses_what_a_png_cannot_say(tmp_path):
    with pytest.raises(UnsupportedFormat):
        write_masks(DRAWN, "mask-ome", tmp_path / "m.tif", Wanted((10, 10), each_label=True))
