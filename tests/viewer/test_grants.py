"""Who was let in a moment ago is not looked up again; nobody else gains by it, and it soon ends."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from lims.models import Slide
from lims.states import State
from viewer.api import grants
from viewer.models import VirtualSlide


@pytest.fixture(autouse=True)
def nobody_yet() -> Iterator[None]:
    grants.forget()
    yield
    grants.forget()


def chunks_of(virtual: VirtualSlide) -> str:
    return f"/viewer/{virtual.slide.uid}/chunks?level=1&blocks=0-0&channels=0"


def test_the_second_request_of_a_burst_asks_the_database_nothing(
    fluorescence: VirtualSlide,
    client_of: Callable[[str], Client],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = client_of("pathologist")
    first = client.get(chunks_of(fluorescence))
    with django_assert_num_queries(0):
        again = client.get(chunks_of(fluorescence))
    assert again.status_code == 200
    assert again.content == first.content
    assert again["ETag"] == first["ETag"]


def test_a_right_that_is_taken_away_ends_with_the_moment(
    fluorescence: VirtualSlide, client_of: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants, "LASTS_S", 0.0)
    client = client_of("pathologist")
    assert client.get(chunks_of(fluorescence)).status_code == 200
    Slide.objects.filter(pk=fluorescence.slide_id).update(state=State.WITHDRAWN)
    assert client.get(chunks_of(fluorescence)).status_code == 403


@pytest.mark.parametrize("who", ["stranger", "anonymous"])
def test_nobody_comes_in_behind_another(
    fluorescence: VirtualSlide, client_of: Callable[[str], Client], who: str
) -> None:
    assert client_of("pathologist").get(chunks_of(fluorescence)).status_code == 200
    assert client_of(who).get(chunks_of(fluorescence)).status_code == 403


def test_a_grant_is_for_one_slide(
    fluorescence: VirtualSlide,
    register: Callable[..., VirtualSlide],
    slide_files: dict[str, Path],
    client_of: Callable[[str], Client],
) -> None:
    other = register(slide_files["brightfield"], state=State.SCANNED, barcode="N26-2-A1-1")
    client = client_of("pathologist")
    assert client.get(chunks_of(fluorescence)).status_code == 200
    assert client.get(chunks_of(other)).status_code == 403


def test_a_grant_does_not_stand_in_for_a_csrf_token(
    fluorescence: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    client = client_of("pathologist")
    client.handler.enforce_csrf_checks = True
    assert client.get(chunks_of(fluorescence)).status_code == 200
    signing = f"/viewer/{fluorescence.slide.uid}/sign"
    assert client.post(signing, {}, content_type="application/json").status_code == 403


def test_memory_is_bounded(
    fluorescence: VirtualSlide, client_of: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants, "MOST", 2)
    for who in ("pathologist", "steward", "manager", "administrator"):
        assert client_of(who).get(chunks_of(fluorescence)).status_code == 200
    assert len(grants._grants) <= 2
