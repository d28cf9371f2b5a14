"""A label in tiles with the slide's shape is no level; a level is one however it was reduced."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
import tifffile

from deidentify.errors import BrokenInput, UnknownContent
from deidentify.images.likeness import require_one_picture, same, stranger
from tests.deidentify.making import reduced
from tests.deidentify.test_images import SHARED, clean

TISSUE = np.tile(skimage.data.immunohistochemistry(), (2, 2, 1))  # 1024 x 1024
JPEG: dict[str, Any] = {"compression": "jpeg", "photometric": "rgb", "metadata": None, "tile": (128, 128)}


def label(side: int) -> np.ndarray:
    paper = np.full((side, side, 3), 240, np.uint8)
    for row, words in enumerate(("VANDERMEER", "QUENTIN", "S19-23421", "H&E 1")):
        cv2.putText(paper, words, (8, 40 + 50 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.1, (20, 20, 20), 2)
    return paper


def slide(path: Path, *levels: np.ndarray, **more: Any) -> Path:
    with tifffile.TiffWriter(path) as file:
        for number, level in enumerate(levels):
            file.write(level, subfiletype=1 if number else 0, **{**JPEG, **more})
    return path


@pytest.mark.parametrize("by", [2, 4, 8])
@pytest.mark.parametrize("made", ["mean", "picked"])
def test_levels_of_one_slide_are_one_picture(tmp_path: Path, by: int, made: str) -> None:
    level = reduced(TISSUE, by) if made == "mean" else np.ascontiguousarray(TISSUE[::by, ::by])
    assert stranger(slide(tmp_path / "a.tif", TISSUE, level), [(0,), (1,)]) is None


def test_a_label_among_them_stops_the_slide(tmp_path: Path) -> None:
    source = slide(tmp_path / "a.tif", TISSUE, reduced(TISSUE, 2), label(256))
    with pytest.raises(UnknownContent, match="directory 2 has the shape of the slide") as stop:
        clean(source)
    assert stop.value.name == "directory 2"


@pytest.mark.parametrize(
    "more", [{"compression": "zlib"}, {"compression": None}, {"planarconfig": "separate"}]
)
def test_however_its_tiles_are_stored(tmp_path: Path, more: dict[str, Any]) -> None:
    shape = (lambda a: np.moveaxis(a, -1, 0)) if "planarconfig" in more else (lambda a: a)
    plain = {"compression": None, **more}
    good = slide(tmp_path / "a.tif", shape(TISSUE), shape(reduced(TISSUE, 4)), **plain)
    bad = slide(tmp_path / "b.tif", shape(TISSUE), shape(label(256)), **plain)
    assert stranger(good, [(0,), (1,)]) is None
    assert stranger(bad, [(0,), (1,)]) == (1,)


def test_a_label_beside_an_empty_slide_is_seen(tmp_path: Path) -> None:
    empty = np.full((1024, 1024, 3), 245, np.uint8)
    assert stranger(slide(tmp_path / "a.tif", empty, label(256)), [(0,), (1,)]) == (1,)
    assert stranger(slide(tmp_path / "b.tif", empty, empty[::4, ::4]), [(0,), (1,)]) is None


def test_a_white_and_a_black_place_are_not_the_same() -> None:
    white, black = np.full((32, 32), 250, np.float32), np.zeros((32, 32), np.float32)
    assert same(white, black) is False
    assert same(white, white) is None


def test_tiles_that_cannot_be_decoded_break_the_input(tmp_path: Path) -> None:
    source = slide(tmp_path / "a.tif", TISSUE, reduced(TISSUE, 2))
    with tifffile.TiffFile(source) as file:
        page = file.pages[1].aspage()
        places = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    data = bytearray(source.read_bytes())
    for offset, size in places:
        data[offset : offset + size] = bytes(size)
    source.write_bytes(data)
    with pytest.raises(BrokenInput, match="cannot be decoded"):
        require_one_picture(source, [[(0,), (1,)]])


@pytest.mark.skipif(not (SHARED / "wsi").is_dir(), reason="no whole-slide files: set NOCTURNE_DATA")
def test_a_real_slide_is_one_picture() -> None:
    source = SHARED / "wsi" / "CMU-1-Small-Region.svs"
    with tifffile.TiffFile(source) as file:
        tiled = [(number,) for number, page in enumerate(file.pages) if page.aspage().is_tiled]
    assert stranger(source, tiled) is None
