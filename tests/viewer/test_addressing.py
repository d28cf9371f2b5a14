"""The arithmetic of addresses: IIIF, Deep Zoom, µm."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput, NotFound
from viewer.addressing import (
    MOST_PX,
    MOST_SIDE,
    TILE_SIZE,
    Box,
    Turn,
    deep_zoom_tile,
    iiif_region,
    iiif_rotation,
    iiif_size,
    micrometres,
    scale_factors,
    viewer_tile,
    within,
)

SIDES = st.integers(1, 200_000)
SLIDES = st.tuples(SIDES, SIDES)
BOXES = st.builds(Box, st.just(0), st.just(0), SIDES, SIDES)


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("full", (0, 0, 300, 200)),
        ("square", (50, 0, 200, 200)),
        ("10,20,30,40", (10, 20, 30, 40)),
        ("290,190,30,40", (290, 190, 10, 10)),
        ("pct:10,10,80,70.5", (30, 20, 240, 141)),
        ("pct:0,0,100,100", (0, 0, 300, 200)),
    ],
)
def test_it_reads_a_region(text: str, box: tuple[int, ...]) -> None:
    assert iiif_region(text, (300, 200)) == box


@pytest.mark.parametrize(
    "text",
    [
        "",
        "all",
        "1,2,3",
        "1,2,0,4",
        "300,0,9,9",
        "-1,0,9,9",
        "1.5,0,9,9",
        "pct:100,0,9,9",
        "pct:1,1",
        "٣,0,9,9",
    ],
)
def test_it_refuses_a_region_that_is_none(text: str) -> None:
    with pytest.raises(BadInput):
        iiif_region(text, (300, 200))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("max", (300, 200)),
        ("150,", (150, 100)),
        (",50", (75, 50)),
        ("pct:50", (150, 100)),
        ("30,100", (30, 100)),
        ("!100,100", (100, 67)),
        ("^600,", (600, 400)),
        ("^pct:200", (600, 400)),
        ("^!900,400", (600, 400)),
        ("!300,900", (300, 200)),
        ("^max", (5016, 3344)),
    ],
)
def test_it_reads_a_size(text: str, size: tuple[int, int]) -> None:
    assert iiif_size(text, Box(0, 0, 300, 200)) == size


@pytest.mark.parametrize(
    "text",
    ["", "full", ",", "0,", ",0", "301,", "pct:101", "!,5", "!5,", "1.5,2", "^99999,99999", "!0,9", "-1,"],
)
def test_it_refuses_a_size_that_is_none(text: str) -> None:
    with pytest.raises(BadInput):
        iiif_size(text, Box(0, 0, 300, 200))


@given(BOXES, st.sampled_from(["max", "^max", "!900,700", "^!900,700"]))
def test_a_size_that_the_server_chooses_is_one_it_gives(box: Box, text: str) -> None:
    width, height = iiif_size(text, box)
    assert 1 <= width <= MOST_SIDE
    assert 1 <= height <= MOST_SIDE
    assert width * height <= MOST_PX
    assert text.startswith("^") or (width <= box.width and height <= box.height)


@pytest.mark.parametrize(
    ("text", "turn"), [("0", Turn()), ("!90", Turn(True, 90)), ("22.5", Turn(False, 22.5)), ("360", Turn())]
)
def test_it_reads_a_rotation(text: str, turn: Turn) -> None:
    assert iiif_rotation(text) == turn


@pytest.mark.parametrize("text", ["", "-90", "361", "!", "90!", "nan", "1e1"])
def test_it_refuses_a_rotation_that_is_none(text: str) -> None:
    with pytest.raises(BadInput):
        iiif_rotation(text)


@given(SLIDES, st.data())
def test_tiles_of_deep_zoom_cover_a_level_exactly(slide: tuple[int, int], data: st.DataObject) -> None:
    last = math.ceil(math.log2(max(slide)))
    level = data.draw(st.integers(0, last))
    factor = 2 ** (last - level)
    columns, rows = (math.ceil(math.ceil(side / factor) / TILE_SIZE) for side in slide)
    ends = []
    for column, row in ((0, 0), (columns - 1, rows - 1)):
        box, size = deep_zoom_tile(level, column, row, slide)
        assert all(0 <= to * factor - of < factor for of, to in zip(box[2:], size, strict=True))
        assert max(size) <= TILE_SIZE
        ends.append((box.x + box.width, box.y + box.height))
    assert ends[-1] == slide
    for column, row in ((columns, 0), (0, rows)):
        with pytest.raises(NotFound):
            deep_zoom_tile(level, column, row, slide)


@given(SLIDES)
def test_the_coarsest_tile_shows_the_whole_slide(slide: tuple[int, int]) -> None:
    last = len(scale_factors(slide)) - 1
    box, _ = viewer_tile(last, 0, 0, slide)
    assert box.width >= slide[0]
    assert box.height >= slide[1]
    with pytest.raises(NotFound):
        viewer_tile(last, 1, 0, slide)


@given(SLIDES, st.integers(16, 4096))
def test_a_thumbnail_keeps_its_proportions(slide: tuple[int, int], longest: int) -> None:
    width, height = within(slide, longest)
    assert max(width, height) == min(longest, max(slide))
    assert abs(width / slide[0] - height / slide[1]) <= 1 / min(slide)


@given(st.floats(-1e4, 1e5), st.floats(-1e4, 1e5), st.floats(1, 1e5), st.floats(1, 1e5), st.floats(0.1, 2))
def test_a_region_in_micrometres_is_exact_to_half_a_pixel(
    x: float, y: float, width: float, height: float, um: float
) -> None:
    box, size = micrometres(f"{x!r},{y!r},{width!r},{height!r}", um, 800)
    assert abs(box.x * um - x) <= um / 2 + 1e-6
    assert abs((box.y + box.height) * um - (y + height)) <= um + 1e-6
    assert max(size) == 800


@pytest.mark.parametrize("text", ["", "1,2,3", "0,0,0,5", "0,0,nan,5", "0,0,inf,5", "a,b,c,d", "0,0,1e300,5"])
def test_it_refuses_micrometres_that_are_none(text: str) -> None:
    with pytest.raises(BadInput):
        micrometres(text, 0.5, 100)


def test_it_needs_to_know_the_size_of_a_pixel() -> None:
    with pytest.raises(BadInput):
        micrometres("0,0,10,10", 0, None)
