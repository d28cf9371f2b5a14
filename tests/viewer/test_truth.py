"""The painted canvas is what a NumPy reference says of the same view, within one grey level.

Six views of each slide in a usual run; fifty of them with -m campaign.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

import vslide
from tests.viewer.browser import Annotations, canvas, chromium, settle
from tests.viewer.making import MANY, make_slide, registered_copy
from tests.viewer.truth import ChannelView, Reference, View
from viewer import queries
from viewer.models import VirtualSlide

VIEWS = [6, pytest.param(50, marks=pytest.mark.campaign)]
SCREEN = {"width": 820, "height": 380}
PLACE = """async () => {
  const { viewerOf } = await import("/static/viewer/handle.js");
  return (await viewerOf(document.querySelector("[data-viewer]"))).place();
}"""
SMALLEST_PX = 96  # engine/zoom.js: the viewer goes no further from a slide
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(660),
]


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Slides with everything that a view can choose from."""
    folder = tmp_path_factory.mktemp("truth")
    stack = make_slide(folder, "fluorescence", 2, 3, layers=2, times=2)
    return {
        "stack": registered_copy(stack, folder / "registered"),
        "six": make_slide(folder, "fluorescence", 2, 3, channels=MANY),
        "brightfield": make_slide(folder, "brightfield", 3, 4),
    }


def some_view(random: Random, header: dict[str, Any]) -> View:
    """Anywhere on the slide, turned and coloured in any way."""
    wide = header["dtype"] == "uint16"
    moved = random.random() < 0.4
    furthest = max(1.0, max(header["width"], header["height"]) / SMALLEST_PX)
    return View(
        x=random.uniform(0.2, 0.8) * header["width"],
        y=random.uniform(0.2, 0.8) * header["height"],
        resolution=min(furthest, random.choice([0.25, 0.5, 1.0, 2.0, 4.0, random.uniform(0.2, 12.0)])),
        degrees=random.choice([0.0, 90.0, 180.0, random.uniform(-180, 180)]),
        channels=tuple(some_channel(random, wide, moved) for _ in header["channels"]),
        registered=bool(header["fields"]["registeredX"]) and random.random() < 0.5,
        z=random.randrange(header["layers"]),
        t=random.randrange(header["times"]),
        picture=random.choice(
            [(0.0, 1.0, 1.0), (random.uniform(-0.2, 0.2), random.uniform(0.6, 1.8), random.uniform(0.7, 1.5))]
        ),
    )


def some_channel(random: Random, wide: bool, moved: bool) -> ChannelView:
    top = 3500 if wide else 255
    low = random.uniform(0, 0.3) * top
    return ChannelView(
        colour=(random.randrange(256), random.randrange(256), random.randrange(256)),
        low=round(low),
        high=round(low + random.uniform(0.4, 1) * top),
        gamma=random.choice([1.0, random.uniform(0.5, 2)]),
        opacity=random.choice([1.0, random.uniform(0.2, 1)]),
        shown=random.random() < 0.8,
        dx=random.choice([0.0, random.uniform(-9, 9)]) if moved else 0.0,
        dy=random.choice([0.0, random.uniform(-9, 9)]) if moved else 0.0,
    )


@pytest.fixture
def opened(
    subjects: dict[str, Path], register: Callable[..., VirtualSlide], live_server: LiveServer,
    client_of: Callable[[str], Client], request: pytest.FixtureRequest,
) -> Iterator[tuple[Page, str, Reference]]:  # fmt: skip
    """(page, address, reference) of the slide that the test names."""
    virtual = register(subjects[request.param])
    header = queries.header(virtual)
    session = client_of("technician").cookies["sessionid"].value
    with chromium(live_server.url, session) as page, vslide.open(virtual.file) as reader:
        page.set_viewport_size(SCREEN)  # type: ignore[arg-type]
        page.set_default_timeout(30_000)
        Annotations(page)
        yield page, f"{live_server.url}/viewer/{virtual.slide.uid}/", Reference(reader, header)


@pytest.mark.parametrize("views", VIEWS)
@pytest.mark.parametrize("opened", ["stack", "six", "brightfield"], indirect=True)
def test_it_paints_what_the_reference_says(opened: tuple[Page, str, Reference], views: int) -> None:
    page, address, reference = opened
    random, header = Random(2013), reference.header
    page.goto(address)
    excused = []
    for number in range(views):
        view = some_view(random, header)
        page.evaluate(f"location.hash = '{view.link()[1:]}'")
        settle(page)
        painted = canvas(page).astype(np.float64)
        low, high = reference.paint(view, (painted.shape[1], painted.shape[0]))
        wrong = ((painted < low - 1) | (painted > high + 1)).any(axis=2)
        assert wrong.sum() == 0, f"view {number}: {view.link()}"
        excused.append((high - low > 2).any(axis=2).mean())
    # Unturned, at 1:1 and the like, texels' borders may lie under pixels' middles: in a view, not in many.
    assert np.mean(excused) < 0.1, "the reference may not excuse much"


@pytest.mark.parametrize("opened", ["six"], indirect=True)
@pytest.mark.parametrize("degrees", [0.0, 90.0])
def test_a_view_that_was_dragged_to_is_painted_as_one_that_was_opened(
    opened: tuple[Page, str, Reference], degrees: float
) -> None:
    """Panning moves the picture and paints what has come into view."""
    page, address, reference = opened
    view = replace(some_view(Random(5), reference.header), resolution=1.37, degrees=degrees)
    view = replace(view, channels=tuple(replace(channel, dx=0.0, dy=0.0) for channel in view.channels))
    page.goto(address)
    page.evaluate(f"location.hash = '{view.link()[1:]}'")
    settle(page)
    dragged(page, 90, -40)
    settle(page)
    place = page.evaluate(PLACE)
    painted = canvas(page).astype(np.float64)
    now = replace(view, x=place["x"], y=place["y"])
    low, high = reference.paint(now, (painted.shape[1], painted.shape[0]))
    assert abs(now.x - view.x) + abs(now.y - view.y) > 60, "it did not move"
    assert ((painted >= low - 1) & (painted <= high + 1)).all()


def dragged(page: Page, right: int, down: int) -> None:
    box = page.locator("[data-map]").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=7)
    page.wait_for_timeout(200)  # at rest before it is let go: the view does not glide on
    page.mouse.up()
