import json
import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

import vslide
from vslide.__main__ import main
from vslide.errors import IdentityRefused, InvalidHeader, NotASlide
from vslide.tiles import TileGrid, Tiles, find_tiles, import_tiles, read_tile

DATA = Path(os.environ.get("NOCTURNE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
STITCH2D = DATA / "tiles" / "stitch2d"
needs_data = pytest.mark.skipif(not STITCH2D.is_dir(), reason="the shared data are not on this machine")
RANDOM = np.random.default_rng(5)


def pixels(*shape, dtype=np.uint16):
    return RANDOM.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def expected_corners():
    """{(row, column): (x, y)} in px that stitch2d's own tests expect of its tiles, within 10 px."""
    text = (STITCH2D / "test_stitch2d_expected_coords.py.txt").read_text()
    names = dict(re.findall(r'"(\d)": "stitch2d_ex\[Grid@(\d \d)\]', text))
    corners = {}
    for number, values in re.findall(r'"(\d)": \[([\d., ]+)\]', text):
        y, x = (float(value) for value in values.split(","))
        column, row = (int(value) for value in names[number].split())
        corners[row, column] = x, y
    return corners


@needs_data
@pytest.mark.parametrize("steps", [[], ["--step-x", "384", "--step-y", "395"]], ids=["guessed", "stated"])
def test_registered_tiles_lie_where_stitch2d_expects_them(tmp_path, capsys, steps):
    assert main(["import-tiles", str(STITCH2D), str(tmp_path), "--register", "--json", *steps]) == 0
    expected = expected_corners()
    with vslide.open(json.loads(capsys.readouterr().out)["path"]) as slide:
        found = np.array([(field.registered_x_um, field.registered_y_um) for field in slide.fields])
        wanted = np.array([expected[field.key.r, field.key.c] for field in slide.fields])
    away = found - wanted
    assert np.linalg.norm(away - away.mean(axis=0), axis=1).max() < 0.6
    assert not list(tmp_path.glob("run-*"))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("colours", [1, 3])
def test_every_bit_of_a_tile_is_read(tmp_path, dtype, suffix, colours):
    picture = pixels(40, 52, 3, dtype=dtype) if colours == 3 else pixels(40, 52, dtype=dtype)
    path = tmp_path / f"r0_c0.{suffix}"
    if suffix == "tif":
        tifffile.imwrite(path, picture)
    else:
        write_png(path, picture)
    found = read_tile(path)
    assert found.dtype == dtype
    assert np.array_equal(np.moveaxis(found, 0, -1).reshape(picture.shape), picture)


def write_png(path, picture):
    """PIL does not write 16-bit colour."""
    planes = picture[..., ::-1] if picture.ndim == 3 else picture
    assert cv2.imwrite(str(path), planes)


@pytest.mark.parametrize(
    "name",
    ["r{r}_c{c}_ch{w}.png", "a_row{r}-col{c}-w{w}.png", "y{r}_x{c}_channel-{w}.png", "{r}_{c}_w{w}.png"],
)
def test_names_state_row_column_and_channel(tmp_path, name):
    expected: Tiles = {}
    for r, c, w in np.ndindex(2, 3, 2):
        path = tmp_path / name.format(r=r, c=c, w=w)
        path.touch()
        expected.setdefault((r, c), {})[str(w)] = path
    assert find_tiles(tmp_path) == expected


def test_tiles_of_several_channels_are_kept_bit_by_bit(tmp_path):
    pictures = {}
    for r, c, w in np.ndindex(2, 2, 3):
        pictures[r, c, w] = pixels(24, 32)
        write_png(tmp_path / f"r{r + 1}_c{c + 4}_ch{w}.png", pictures[r, c, w])
    with vslide.open(import_tiles(tmp_path, tmp_path / "out", TileGrid(step_x=30, step_y=20)).path) as slide:
        assert [channel.name for channel in slide.channels] == ["0", "1", "2"]
        assert (len(slide.fields), slide.size) == (4, (62, 44))
        for field in slide.fields:
            for w in range(3):
                assert np.array_equal(slide.plane(field.index, w), pictures[field.key.r, field.key.c, w])


def test_an_opaque_alpha_channel_is_no_pixel_and_a_clear_one_is_refused(tmp_path):
    picture = pixels(20, 20, 4, dtype=np.uint8)
    picture[..., 3] = 255
    Image.fromarray(picture).save(tmp_path / "a.png")
    assert np.array_equal(np.moveaxis(read_tile(tmp_path / "a.png"), 0, -1), picture[..., :3])
    picture[3, 3, 3] = 7
    Image.fromarray(picture).save(tmp_path / "a.png")
    with pytest.raises(NotASlide):
        read_tile(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("a.tif", np.zeros((8, 8), np.float32)),
        ("a.tif", np.zeros((3, 8, 8), np.uint8)),
        ("a.tif", np.zeros((8, 8), np.int16)),
        ("a.tif", b"II*\0\xff\xff\xff\xff"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(40)),
        ("a.jpg", b"hello"),
        ("a.bmp", b""),
    ],
)
def test_what_cannot_be_kept_losslessly_is_refused(tmp_path, name, picture):
    if isinstance(picture, bytes):
        (tmp_path / name).write_bytes(picture)
    else:
        tifffile.imwrite(tmp_path / name, picture, photometric="minisblack")
    with pytest.raises(NotASlide):
        read_tile(tmp_path / name)


def test_a_cmyk_picture_is_refused(tmp_path):
    Image.new("CMYK", (10, 10)).save(tmp_path / "a.jpg")
    with pytest.raises(NotASlide, match="CMYK"):
        read_tile(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    "names", [["r0_c0_w1", "r0_c0_w2", "r0_c1_w1"], ["r0_c0", "tile_r0_c0"], ["r0_c9999999"], []]
)
def test_names_that_give_no_grid_are_refused(tmp_path, names):
    for name in names:
        Image.new("L", (10, 10)).save(tmp_path / f"{name}.png")
    with pytest.raises(NotASlide):
        find_tiles(tmp_path)
    with pytest.raises(NotASlide, match="expression"):
        find_tiles(tmp_path, "(")


def test_a_tile_unlike_the_first_leaves_nothing_behind(tmp_path):
    Image.new("L", (10, 10)).save(tmp_path / "r0_c0.png")
    Image.new("L", (12, 10)).save(tmp_path / "r0_c1.png")
    with pytest.raises(InvalidHeader, match="r0_c1"):
        import_tiles(tmp_path, tmp_path / "out", TileGrid())
    assert not list((tmp_path / "out").rglob("*.*"))


def test_a_name_that_could_be_a_record_number_does_not_become_a_channel(tmp_path):
    Image.new("L", (10, 10)).save(tmp_path / "r0_c0_w12345678.png")
    with pytest.raises(IdentityRefused):
        import_tiles(tmp_path, tmp_path / "out", TileGrid())


def test_bright_16_bit_tiles_are_stored_less_their_darkness(tmp_path):
    random = np.random.default_rng(4)
    (tmp_path / "tiles").mkdir()
    tiles = [(random.poisson(60, (128, 160)) + 31_940).astype(np.uint16) for _ in range(2)]
    for column, tile in enumerate(tiles):
        Image.fromarray(tile).save(tmp_path / "tiles" / f"r0_c{column}.png")
    manifest = import_tiles(tmp_path / "tiles", tmp_path / "slides", TileGrid(overlap=0.0))
    with vslide.open(manifest.path) as slide:
        assert slide.channels[0].offset > 31_940
        assert all(np.array_equal(slide.plane(n, 0), tile) for n, tile in enumerate(tiles))
