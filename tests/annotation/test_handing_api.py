"""Slides change hands by programs as they do by people: the same services, the same refusals."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from annotation.models import Assignment, Recusal
from annotation.services import enrol_reader
from tests.annotation.making import EVERY_DAY, clean, reader
from tests.conftest import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(api_of: Callable[[str], APIClient]) -> APIClient:
    enrol_reader(user=person("pathologist"), actor="test", hours=EVERY_DAY)
    return api_of("pathologist")


def case_of_two() -> list[Any]:
    return [clean(accession="C-1", mrn="M-1") for _ in range(2)]


def taken(api: APIClient) -> list[dict[str, Any]]:
    answer = api.post("/api/assignments/take/", {"slide": str(case_of_two()[0].uid)})
    assert answer.status_code == 201, answer.content
    return list(answer.json())


def test_a_case_is_taken_whole(api: APIClient) -> None:
    assert len(taken(api)) == 2
    slide = Assignment.objects.filter(state="open")[0].slide
    again = api.post("/api/assignments/take/", {"slide": str(slide.uid)})
    assert again.status_code == 409
    assert api.post("/api/assignments/take/", {"slide": str(uuid.uuid4())}).status_code == 404


def test_colleagues_are_named_and_one_gets_the_case(api: APIClient) -> None:
    petra = reader("petra")
    first = taken(api)[0]["id"]
    able = api.get(f"/api/assignments/{first}/colleagues/").json()
    assert able["delegate"] == able["opinion"] == [{"number": petra.number, "name": petra.name}]
    made = api.post(f"/api/assignments/{first}/delegate/", {"to": petra.number, "note": "I am away"})
    assert made.status_code == 201
    assert {row["reader"] for row in made.json()} == {petra.number}
    assert Assignment.objects.filter(reader=petra, state="open").count() == 2


@pytest.mark.parametrize("to", ["reader-999", "petra", "reader-٣٣٣", ""])
def test_a_colleague_who_is_none_is_refused(api: APIClient, to: str) -> None:
    first = taken(api)[0]["id"]
    answer = api.post(f"/api/assignments/{first}/delegate/", {"to": to})
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"code", "message", "detail", "retryable"}
    assert Assignment.objects.filter(state="open").count() == 2


def test_who_must_not_read_a_case_gives_it_back_for_good(api: APIClient) -> None:
    first = taken(api)[0]["id"]
    answer = api.post(f"/api/assignments/{first}/recuse/", {"reason": "my cousin"})
    assert (answer.status_code, answer.json()["state"]) == (200, "returned")
    assert Recusal.objects.get().reason == "my cousin"
    assert not Assignment.objects.filter(state="open").exists()


def test_a_colleague_is_asked_and_the_slide_stays(api: APIClient) -> None:
    petra = reader("petra")
    first = taken(api)[0]["id"]
    assert api.post(f"/api/assignments/{first}/opinion/", {"to": petra.number}).status_code == 400
    made = api.post(f"/api/assignments/{first}/opinion/", {"to": petra.number, "question": "Invasive?"})
    assert (made.status_code, made.json()["purpose"], made.json()["question"]) == (
        201,
        "opinion",
        "Invasive?",
    )
    assert Assignment.objects.get(pk=first).state == "open"


def test_another_reader_s_slide_is_not_there(api: APIClient, api_of: Callable[[str], APIClient]) -> None:
    first = taken(api)[0]["id"]
    Assignment.objects.update(reader=reader("petra"))
    for verb in ("recuse", "opinion", "delegate"):
        assert api.post(f"/api/assignments/{first}/{verb}/", {}).status_code in (400, 404)
    assert api.get(f"/api/assignments/{first}/colleagues/").status_code == 404
    assert Assignment.objects.filter(state="open").count() == 2
