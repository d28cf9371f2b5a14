"""Deep Zoom, thumbnails, µm regions and looks: that the pixels are the right ones."""

import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.test import Client
from numpy.typing import NDArray
from PIL import Image

import vslide
from tests.viewer.making import PIXEL_UM
from viewer.models import VirtualSlide

Pixels = NDArray[np.int16]


def seen(client: Client, virtual: VirtualSlide, part: str) -> Pixels:
    answer = client.get(f"/viewer/{virtual.slide.uid}{part}")
    assert answer.status_code == 200, answer.content
    return np.asarray(Image.open(io.BytesIO(answer.content)), np.int16)


def stored(virtual: VirtualSlide, x: int, y: int, width: int, height: int, level: int = 1) -> Pixels:
    with vslide.open(virtual.file) as reader:
        return np.moveaxis(reader.region(x, y, width, height, level=level), 0, -1).astype(np.int16)


def test_deep_zoom_puts_the_slide_together(
    brightfield: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    client = client_of("pathologist")
    text = client.get(f"/viewer/{brightfield.slide.uid}.dzi").content
    image = ElementTree.fromstring(text)  # noqa: S314  our own
    size = {name: int(value) for name, value in image[0].attrib.items()}
    assert size == {"Width": brightfield.width, "Height": brightfield.height}
    assert image.attrib == {"Format": "jpg", "Overlap": "0", "TileSize": "512"}
    tiles = [[seen(client, brightfield, f"_files/11/{c}_{r}.png") for c in range(3)] for r in range(2)]
    whole = np.concatenate([np.concatenate(row, axis=1) for row in tiles])
    np.testing.assert_array_equal(whole, stored(brightfield, 0, 0, *size.values()))


@pytest.mark.parametrize("level", [0, 3, 8, 9])
def test_coarse_levels_are_small(
    brightfield: VirtualSlide, client_of: Callable[[str], Client], level: int
) -> None:
    factor = 2 ** (11 - level)
    wide, tall = -(-brightfield.width // factor), -(-brightfield.height // factor)
    got = seen(client_of("pathologist"), brightfield, f"_files/{level}/0_0.jpg")
    assert got.shape == (tall, wide, 3)
    assert abs(got.mean() - stored(brightfield, 0, 0, brightfield.width, brightfield.height).mean()) < 12


@pytest.mark.parametrize(
    "part", ["_files/12/0_0.jpg", "_files/11/3_0.jpg", "_files/11/0_2.jpg", "_files/0/1_0.jpg"]
)
def test_deep_zoom_ends_where_the_slide_ends(
    brightfield: VirtualSlide, client_of: Callable[[str], Client], part: str
) -> None:
    assert client_of("pathologist").get(f"/viewer/{brightfield.slide.uid}{part}").status_code == 404


def test_a_region_in_micrometres_is_where_it_should_be(
    brightfield: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    um = ",".join(str(side * PIXEL_UM) for side in (100, 60, 300, 200))
    got = seen(client_of("pathologist"), brightfield, f"/region.png?um={um}")
    np.testing.assert_array_equal(got, stored(brightfield, 100, 60, 300, 200))
    half = seen(client_of("pathologist"), brightfield, f"/region.png?um={um}&px=150")
    np.testing.assert_array_equal(half, stored(brightfield, 50, 30, 150, 100, level=2))


def test_a_region_beyond_the_slide_is_glass(
    brightfield: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    got = seen(client_of("pathologist"), brightfield, "/region.png?um=-50,-50,50,50")
    assert got.shape == (100, 100, 3)
    assert got.min() == 255


@pytest.mark.parametrize("px", [64, 512, 1000])
def test_a_thumbnail_has_the_size_that_was_asked(
    brightfield: VirtualSlide, client_of: Callable[[str], Client], px: int
) -> None:
    got = seen(client_of("pathologist"), brightfield, f"/thumbnail.jpg?px={px}")
    assert max(got.shape) == px


def test_a_vendor_slide_is_served_alike(
    vendor_file: Path, register: Callable[..., VirtualSlide], client_of: Callable[[str], Client]
) -> None:
    virtual, client = register(vendor_file), client_of("pathologist")
    got = seen(client, virtual, "_files/12/1_1.png")
    np.testing.assert_array_equal(got, stored(virtual, 512, 512, 512, 512))
    assert max(seen(client, virtual, "/thumbnail.jpg?px=100").shape) == 100
    um = ",".join(str(side * (virtual.pixel_size_um or 0)) for side in (700, 900, 200, 100))
    np.testing.assert_array_equal(
        seen(client, virtual, f"/region.png?um={um}"), stored(virtual, 700, 900, 200, 100)
    )


def test_a_look_paints_only_what_it_names(
    fluorescence: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    look = "channels=2&windows=100-1100&gamma=0.5&colours=00ff00"
    got = seen(client_of("pathologist"), fluorescence, f"/region.png?um=0,0,100,80&{look}")
    raw = stored(fluorescence, 0, 0, 200, 160)[..., 2].astype(float)
    wanted = 255 * np.clip((raw - 100) / 1000, 0, 1) ** 0.5
    assert np.abs(got[..., 1] - wanted).max() <= 1
    assert got[..., (0, 2)].max() == 0


@pytest.mark.parametrize(
    "look",
    [
        "channels=4", "channels=x", "channels=0,1&windows=1-2", "windows=5-5,0-1,0-1,0-1", "gamma=0,1,1,1",
        "colours=red", "z=1", "t=1", "z=-1", "channels=0&gamma=1e9", "px=5", "px=x",
    ],
)  # fmt: skip
def test_it_refuses_a_look_that_cannot_be(
    fluorescence: VirtualSlide, client_of: Callable[[str], Client], look: str
) -> None:
    answer = client_of("pathologist").get(f"/viewer/{fluorescence.slide.uid}/thumbnail.jpg?{look}")
    assert answer.status_code == 400, answer.content[:80]
    assert answer.json()["error"]["code"] == "bad_input"


def test_looks_have_entity_tags_of_their_own(
    fluorescence: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    client, address = client_of("pathologist"), f"/viewer/{fluorescence.slide.uid}/thumbnail.jpg"
    tags = {client.get(address + look)["ETag"] for look in ("", "?channels=1", "?channels=2", "?px=90")}
    assert len(tags) == 4
    again = client.get(f"{address}?channels=1", headers={"If-None-Match": sorted(tags)[0]})
    assert again.status_code in (200, 304)
