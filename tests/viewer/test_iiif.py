"""IIIF Image API 3: what the specification says of each parameter, and its official validator."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from django.test import Client
from PIL import Image

import vslide
from viewer.models import VirtualSlide


def ask(client: Client, virtual: VirtualSlide, part: str, accept: str = "*/*"):
    return client.get(f"/viewer/iiif/{virtual.slide.uid}{part}", headers={"Accept": accept})


def image(client: Client, virtual: VirtualSlide, part: str) -> Image.Image:
    answer = ask(client, virtual, part)
    assert answer.status_code == 200, answer.content
    return Image.open(io.BytesIO(answer.content))


def test_it_says_what_it_offers(brightfield: VirtualSlide, client_of: Callable[[str], Client]) -> None:
    answer = ask(client_of("pathologist"), brightfield, "/info.json")
    info = answer.json()
    assert info["id"] == f"http://testserver/viewer/iiif/{brightfield.slide.uid}"
    assert (info["type"], info["profile"], info["protocol"]) == (
        "ImageService3", "level2", "http://iiif.io/api/image"
    )  # fmt: skip
    assert (info["width"], info["height"]) == (brightfield.width, brightfield.height)
    assert info["tiles"] == [{"width": 512, "scaleFactors": [1, 2, 4]}]
    assert info["sizes"][-1] == {"width": brightfield.width, "height": brightfield.height}
    assert answer["Content-Type"] == "application/json"
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert 'rel="profile"' in answer["Link"]


def test_it_is_linked_data_for_who_wants_that(
    brightfield: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    answer = ask(client_of("pathologist"), brightfield, "/info.json", accept="application/ld+json")
    assert answer["Content-Type"].startswith("application/ld+json;profile=")
    assert answer["Vary"].startswith("Accept")


def test_its_base_leads_to_what_it_offers(
    brightfield: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    answer = ask(client_of("pathologist"), brightfield, "")
    assert (answer.status_code, answer["Location"]) == (
        303,
        f"/viewer/iiif/{brightfield.slide.uid}/info.json",
    )


@pytest.mark.parametrize(
    ("part", "size"),
    [
        ("/full/max/0/default.jpg", (1404, 716)),
        ("/square/100,/0/default.jpg", (100, 100)),
        ("/100,50,300,200/150,/0/default.png", (150, 100)),
        ("/pct:0,0,50,50/!90,90/0/color.jpg", (90, 46)),
        ("/0,0,64,32/^128,/0/default.jpg", (128, 64)),
        ("/0,0,200,100/max/90/default.jpg", (100, 200)),
        ("/0,0,200,100/max/!270/gray.png", (100, 200)),
        ("/0,0,200,100/max/30/default.jpg", (223, 187)),
    ],
)
def test_an_image_has_the_size_that_was_asked(
    brightfield: VirtualSlide, client_of: Callable[[str], Client], part: str, size: tuple[int, int]
) -> None:
    assert image(client_of("pathologist"), brightfield, part).size == size


def test_it_is_the_slides_own_pixels(brightfield: VirtualSlide, client_of: Callable[[str], Client]) -> None:
    client, part = client_of("pathologist"), "/100,50,300,200/max/{}/default.png"
    with vslide.open(brightfield.file) as reader:
        plain = np.moveaxis(reader.region(100, 50, 300, 200), 0, -1)
    for rotation, wanted in (
        ("0", plain),
        ("!0", plain[:, ::-1]),
        ("90", np.rot90(plain, -1)),
        ("180", plain[::-1, ::-1]),
        ("!90", np.rot90(plain[:, ::-1], -1)),
    ):
        np.testing.assert_array_equal(image(client, brightfield, part.format(rotation)), wanted)


def test_it_turns_to_grey_and_to_black_and_white(
    brightfield: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    client = client_of("pathologist")
    grey = image(client, brightfield, "/0,0,300,200/max/0/gray.png")
    assert grey.mode == "L"
    assert len(set(grey.tobytes())) > 50
    assert set(image(client, brightfield, "/0,0,300,200/max/0/bitonal.png").tobytes()) == {0, 255}


@pytest.mark.parametrize(
    "part",
    [
        "/nowhere/max/0/default.jpg",
        "/9000,9000,10,10/max/0/default.jpg",
        "/full/huge/0/default.jpg",
        "/full/9000,/0/default.jpg",
        "/full/^99999,/0/default.jpg",
        "/full/max/400/default.jpg",
        "/full/max/0/native.jpg",
        "/full/max/0/default.bmp",
        "/full/max/0/default.jpg?channels=9",
    ],
)
def test_it_refuses_what_is_no_image(
    brightfield: VirtualSlide, client_of: Callable[[str], Client], part: str
) -> None:
    answer = ask(client_of("pathologist"), brightfield, part)
    assert answer.status_code == 400
    assert answer["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("part", ["/full/max/0/default", "/full/max/default.jpg", "/x/info.json"])
def test_it_knows_no_other_address(
    brightfield: VirtualSlide, client_of: Callable[[str], Client], part: str
) -> None:
    assert ask(client_of("pathologist"), brightfield, part).status_code == 404
