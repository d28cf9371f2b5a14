"""Drawing in a real browser against the real service: every tool, two tabs, a network that fails in every
way; what the page shows as saved is what the database has.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import BrowserContext, Page, Route, expect
from playwright.sync_api import Error as BrowserError
from pytest_django.live_server_helper import LiveServer

from annotation.models import Annotation, Assignment, Study
from annotation.services import assign
from lims.states import State
from tests.annotation.making import reader
from tests.viewer.browser import chromium, keep, settle
from viewer.models import VirtualSlide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]
Place = tuple[float, float]
FATES = ["503", "lost", "no reply", "twice", "late", "through"]


@pytest.fixture
def reading(register: Callable[..., VirtualSlide], slide_files: dict[str, Path]) -> Assignment:
    """A slide on Paul's list, in a study with two words."""
    study = Study.objects.create(name="Ki-67")
    study.terms.create(label="tumour", colour="#ff5050", key="t", order=1)
    study.terms.create(label="stroma", colour="#50a0ff", key="s", order=2)
    virtual = register(slide_files["brightfield"], state=State.DEIDENTIFIED)
    reader("paul")
    made = assign(slide=virtual.slide)
    assert made is not None
    return made


@contextmanager
def at_the_slide(server: LiveServer, reading: Assignment) -> Iterator[Page]:
    client = Client()
    client.force_login(reading.reader.user, backend="django.contrib.auth.backends.ModelBackend")
    with chromium(server.url, client.cookies["sessionid"].value) as page:
        page.set_default_timeout(20_000)
        page.on("dialog", lambda dialog: dialog.accept())  # leaving a page where something is not saved
        page.goto(f"{server.url}/reading/{reading.pk}/")
        ready(page)
        yield page


def ready(page: Page) -> None:
    settle(page)
    expect(page.locator("[data-annotation-status]")).to_contain_text("saved", timeout=60_000)


def at(page: Page, *places: Place) -> list[Place]:
    """Places of the picture as places of the window; (0, 0) is its middle."""
    box = page.locator("[data-map]").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    return [(middle[0] + x, middle[1] + y) for x, y in places]


def drag(page: Page, *places: Place) -> None:
    first, *others = at(page, *places)
    page.mouse.move(*first)
    page.mouse.down()
    for place in others:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def click(page: Page, *places: Place, double: bool = False) -> None:
    *others, last = at(page, *places)
    for place in others:
        page.mouse.click(*place)
        page.wait_for_timeout(300)  # two clicks of a person are no double click
    (page.mouse.dblclick if double else page.mouse.click)(*last)


def draw(page: Page, key: str, *places: Place) -> None:
    page.keyboard.press(key)
    drag(page, *places)
    page.wait_for_selector("[data-viewer][data-tool=pan]")


def status(page: Page, text: str) -> None:
    expect(page.locator("[data-annotation-status]")).to_have_text(text, timeout=60_000)


def rows() -> list[Annotation]:
    return list(Annotation.objects.filter(deleted=False))


def shown(page: Page) -> dict[str, str]:
    """What the list says of each annotation."""
    pairs = "(all) => all.map((row) => [row.dataset.id, row.dataset.state])"
    return dict(page.locator(".viewer-annotation").evaluate_all(pairs))


def test_every_tool_draws_and_all_of_it_is_stored(live_server: LiveServer, reading: Assignment) -> None:
    with at_the_slide(live_server, reading) as page:
        draw(page, "r", (-300, -200), (-200, -120))
        draw(page, "e", (-100, -200), (0, -120))
        draw(page, "f", (100, -200), (200, -200), (150, -100))
        page.keyboard.press("p")
        click(page, (-300, 0), (-200, 0), (-250, 80), double=True)
        page.keyboard.press("l")
        click(page, (-100, 0), (-50, 50), (0, 0), double=True)
        page.keyboard.press("d")
        click(page, (150, 0))
        page.keyboard.press("m")
        first, last = at(page, (-100, 150), (0, 150))
        page.mouse.click(*first)
        page.mouse.move(*last, steps=4)
        expect(page.locator("[data-measure]")).to_contain_text("µm")
        page.mouse.click(*last)
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        page.keyboard.press("w")
        drag(page, (150, 120), (260, 160))
        status(page, "All 8 saved")
        keep(page, "drawing")
    kinds = sorted(row.kind for row in rows())
    assert kinds == ["ellipse", "freehand", "freehand", "line", "point", "polygon", "rectangle", "ruler"]


def test_shapes_are_joined_cut_brushed_and_all_of_it_undone(
    live_server: LiveServer, reading: Assignment
) -> None:
    with at_the_slide(live_server, reading) as page:
        draw(page, "r", (-200, -100), (-50, 50))
        draw(page, "r", (-100, -100), (100, 50))
        drag_with(page, "Control", (-300, -180), (250, 150))
        expect(page.locator("[data-annotation-about]")).to_contain_text("2 chosen")
        page.keyboard.press("j")
        status(page, "All 1 saved")
        draw(page, "k", (0, -180), (0, 150))
        status(page, "All 2 saved")
        page.keyboard.press("Control+z")
        page.keyboard.press("Control+z")
        status(page, "All 2 saved")
        page.keyboard.press("Control+Shift+Z")
        status(page, "All 1 saved")
        click(page, (-120, 0))
        page.keyboard.press("x")
        drag(page, (-100, -20), (50, -20))
        page.keyboard.press("v")
        page.keyboard.press("Control+c")
        page.keyboard.press("Control+v")
        status(page, "All 2 saved")
    holed = [row for row in rows() if len(row.geometry["coordinates"]) == 2]
    assert len(holed) == 2
    assert {row.geometry["type"] for row in holed} == {"Polygon"}


def drag_with(page: Page, key: str, *places: Place) -> None:
    page.keyboard.down(key)
    drag(page, *places)
    page.keyboard.up(key)


def test_the_studys_words_are_keys_for_what_is_chosen_and_what_comes_next(
    live_server: LiveServer, reading: Assignment
) -> None:
    with at_the_slide(live_server, reading) as page:
        draw(page, "r", (-200, -100), (-100, 0))
        page.keyboard.press("t")
        draw(page, "r", (0, -100), (100, 0))
        page.keyboard.press("[")
        page.keyboard.press("s")
        status(page, "All 2 saved")
        expect(page.get_by_role("button", name="stroma s", exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )
    assert sorted(row.label for row in rows()) == ["stroma", "tumour"]


class Weather:
    """Every write meets a fate: sent twice, refused by a server in trouble, lost on the way there or back,
    or delivered once more, late, when the next one goes out.
    """

    def __init__(self, page: Page, seed: int) -> None:
        self.dice, self.calm = random.Random(seed), False
        self.late: list[Route] = []
        page.route("**/api/annotations/**", self._fate)

    def _fate(self, route: Route) -> None:
        if route.request.method == "GET":
            return route.continue_()
        fate = (
            "through"
            if self.calm
            else self.dice.choice(["503", "lost", "no reply", "twice", "late", "through"])
        )
        try:
            self._do(route, fate)
        except BrowserError:  # the page was reloaded while this one was on its way
            return None

    def _do(self, route: Route, fate: str) -> None:
        if fate == "503":
            return route.fulfill(status=503, body="busy")
        if fate == "lost":
            return route.abort()
        answer = route.fetch()
        for again in [route] if fate == "twice" else self.late:
            again.fetch()
        self.late = [route] if fate == "late" else []
        return route.abort() if fate == "no reply" else route.fulfill(response=answer)


def saved_ids(page: Page) -> set[str]:
    return {name for name, state in shown(page).items() if state == "saved"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_shown_as_saved_is_lost_in_a_storm(
    live_server: LiveServer, reading: Assignment, seed: int
) -> None:
    promised: set[str] = set()
    with at_the_slide(live_server, reading) as page:
        weather = Weather(page, seed)
        for i in range(6):
            x = -300 + 90 * i
            draw(page, "r", (x, -150 + 30 * i), (x + 60, -90 + 30 * i))
            page.keyboard.press("t" if i % 2 else "s")
            promised |= saved_ids(page)
            if i == 3:
                page.reload()
                ready(page)
                assert promised <= set(shown(page)), "gone after a reload"
        weather.calm = True
        page.locator("[data-annotation-retry]").evaluate("(button) => button.click()")
        status(page, "All 6 saved")
        listed = shown(page)
    assert promised <= set(listed)
    assert {str(row.client_id) for row in rows()} == set(listed)
    words = Counter(row.label for row in rows())
    assert words.total() == words["stroma"] + words["tumour"] == 6
    assert words["tumour"] >= 2  # the word that was given in the moment of the reload was not shown as saved


def test_what_was_drawn_without_a_network_survives_a_reload_and_nobody_else_sees_it(
    live_server: LiveServer, reading: Assignment
) -> None:
    with at_the_slide(live_server, reading) as page:
        cut = without_writes(page.context)
        draw(page, "r", (-200, -100), (-100, 0))
        expect(page.locator("[data-annotation-status]")).to_have_text("1 not saved yet")
        expect(page.locator(".viewer-annotation small")).to_have_text("waiting for the server")
        page.reload()
        settle(page)
        expect(page.locator(".viewer-annotation")).to_have_count(1)
        other = page.context.new_page()
        other.goto(page.url)
        settle(other)
        status(other, "All 0 saved")
        page.locator(".reading-sign").click()
        expect(page.locator("[data-reading-refusal]")).to_contain_text("not saved", timeout=20_000)
        page.context.unroute("**/api/annotations/**", cut)
        page.locator(".reading-sign").click()
        expect(page.locator("#notices")).to_contain_text("signed off", timeout=30_000)
    assert [(row.version, row.locked) for row in rows()] == [(1, True)]


def without_writes(context: BrowserContext) -> Callable[[Route], Any]:
    def cut(route: Route) -> None:
        if route.request.method == "GET":
            route.continue_()
        else:
            route.abort()

    context.route("**/api/annotations/**", cut)
    return cut


@pytest.mark.parametrize(
    ("choice", "labels"), [("mine", ["mine"]), ("theirs", ["first"]), ("both", ["first", "mine"])]
)
def test_two_tabs_see_their_conflict_and_choose(
    live_server: LiveServer, reading: Assignment, choice: str, labels: list[str]
) -> None:
    with at_the_slide(live_server, reading) as page:
        draw(page, "r", (-100, -100), (100, 0))
        status(page, "All 1 saved")
        other = page.context.new_page()
        other.goto(page.url)
        ready(other)
        for tab, text in ((page, "first"), (other, "mine")):
            tab.locator(".viewer-annotation").first.click()
            tab.locator("[data-annotation-label]").fill(text)
            tab.locator("[data-annotation-label]").blur()
            expect(tab.locator(".viewer-annotation small")).not_to_have_text("saving…")
        expect(other.locator("[data-annotation-theirs-text]")).to_contain_text("first")
        expect(other.locator(".viewer-annotation small")).to_have_text("changed elsewhere")
        other.locator(f"[data-annotation-{choice}]").click()
        status(other, f"All {len(labels)} saved")
        listed = shown(other)
    assert sorted(row.label for row in rows()) == labels
    assert {str(row.client_id) for row in rows()} == set(listed)


def test_offline_is_said_and_comes_back_by_itself(live_server: LiveServer, reading: Assignment) -> None:
    with at_the_slide(live_server, reading) as page:
        page.context.set_offline(True)
        for x in (-200, 0, 200):
            draw(page, "e", (x, -50), (x + 60, 20))
        expect(page.locator("[data-annotation-status]")).to_have_text("3 not saved yet")
        page.keyboard.press("Delete")
        page.context.set_offline(False)
        status(page, "All 2 saved")
    boxes = [row.geometry["coordinates"][0] for row in rows()]
    assert len(boxes) == 2
    assert all(before != after for before, after in pairwise(boxes))
