"""The page on which regions are covered: for a steward, with scripts and without."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from core.models import AuditEntry, User
from core.roles import Role
from deidentify import covering, services
from deidentify.models import CoveredRegion, DeidentifiedSlide, State
from lims.models import Slide
from tests.deidentify.test_regions import PEN

pytestmark = pytest.mark.django_db
HTMX: Any = {"HX-Request": "true"}


@pytest.fixture
def stella(client_of: Callable[[str], Client]) -> Client:
    return client_of(Role.STEWARD)


def test_the_page_shows_the_slide_its_regions_and_a_form(
    stella: Client, made: DeidentifiedSlide, steward: User
) -> None:
    address = f"/deidentify/slides/{made.pk}/cover/"
    assert address in stella.get(f"/deidentify/slides/{made.pk}/").content.decode()
    covering.cover(item=made, actor=steward, **PEN)
    page = stella.get(address).content.decode()
    assert 'data-region="70 20 30 40"' in page
    assert "The clean file is being made" in page
    assert "data-cover-form" in page
    assert AuditEntry.objects.filter(action="viewer.open", target=f"slide:{made.slide.uid}").exists()


def test_without_scripts_a_form_covers_and_takes_back(stella: Client, made: DeidentifiedSlide) -> None:
    address = f"/deidentify/slides/{made.pk}/cover/"
    answer = stella.post(f"{address}add/", PEN)
    assert (answer.status_code, answer["Location"]) == (302, address)
    region = CoveredRegion.objects.get()
    assert region.box == (70, 20, 30, 40)
    stella.post(f"{address}{region.pk}/take-back/")
    page = stella.get(address).content.decode()
    assert "Nothing is covered." in page
    assert "1 taken back" in page
    assert stella.post(f"{address}{region.pk}/take-back/").status_code == 409


def test_with_scripts_the_list_alone_comes_and_asks_until_the_file_is_made(
    stella: Client, made: DeidentifiedSlide
) -> None:
    address = f"/deidentify/slides/{made.pk}/cover/"
    listed = stella.post(f"{address}add/", PEN, headers=HTMX).content.decode()
    assert listed.lstrip().startswith('<section id="regions"')
    assert 'hx-trigger="every 2s"' in listed
    services.remake_slide(item_id=made.pk)
    assert "hx-trigger" not in stella.get(address, headers=HTMX).content.decode()


@pytest.mark.parametrize(
    "wrong",
    [{"left": "x"}, {"left": "250"}, {"width": "0"}, {"top": "-1"}, {"height": "9" * 12}, {"reason": "ink"}],
)
def test_what_is_no_region_is_refused(stella: Client, made: DeidentifiedSlide, wrong: dict[str, str]) -> None:
    answer = stella.post(f"/deidentify/slides/{made.pk}/cover/add/", {**PEN, **wrong})
    assert answer.status_code == 400
    assert not CoveredRegion.objects.exists()


def test_what_is_released_or_scanned_anew_is_shown_and_no_longer_covered(
    stella: Client, made: DeidentifiedSlide, steward: User
) -> None:
    covering.cover(item=made, actor=steward, **PEN)
    address = f"/deidentify/slides/{made.pk}/cover/"
    Slide.objects.filter(pk=made.slide_id).update(state="released")
    page = stella.get(address).content.decode()
    assert "withdraw it where it must go" in page
    assert "data-cover-form" not in page
    assert "Take back" not in page
    assert stella.post(f"{address}add/", {**PEN, "top": 100}).status_code == 409
    made.slide.virtual_slides.update(sha256="1" * 64)
    assert "scanned anew" in stella.get(address).content.decode()


def test_a_slide_of_another_item_is_not_reached(
    stella: Client, made: DeidentifiedSlide, steward: User
) -> None:
    region = covering.cover(item=made, actor=steward, **PEN)
    other = DeidentifiedSlide.objects.create(slide=made.slide, source_sha256="1" * 64, path="slides/o.svs")
    assert stella.post(f"/deidentify/slides/{other.pk}/cover/{region.pk}/take-back/").status_code == 404
    assert CoveredRegion.objects.get().removed_at is None


def test_a_problem_of_the_new_file_is_said_beside_the_list(
    stella: Client, made: DeidentifiedSlide, steward: User
) -> None:
    covering.cover(item=made, actor=steward, **PEN)
    DeidentifiedSlide.objects.update(state=State.QUARANTINED, problem="It cannot be painted over.")
    page: Any = stella.get(f"/deidentify/slides/{made.pk}/cover/", headers=HTMX).content.decode()
    assert "It cannot be painted over." in page
