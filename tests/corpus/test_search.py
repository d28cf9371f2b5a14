"""What is found by words, by whom, and what is not: the same on both databases."""

from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import BadInput
from corpus.models import SearchDocument
from corpus.search import Found, Wanted, find, words
from lims.models import Slide
from lims.states import State
from tests.lims.making import slide as made_slide

pytestmark = pytest.mark.django_db(databases=["default", "vault"])


def document(report: str, drawn: str = "", state: str = State.READ, **facts: Any) -> Slide:
    number = SearchDocument.objects.count() + 1
    given_facts = {"accession": f"S19-{number}", "mrn": f"MRN-{number}", **facts}
    made = made_slide(state, barcode=f"S19-{number}-A1-1", **given_facts)
    SearchDocument.objects.create(slide=made, report=report, drawn=drawn)
    return made


def names(found: Found) -> list[str]:
    return [hit.slide.barcode for hit in found.hits]


def asked(text: str, **more: Any) -> list[str]:
    return names(find(Wanted(words=text, **more)))


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("carcinoma", {1, 2}),
        ("Carcinomas", {1, 2}),
        ("ductal carcinoma", {1}),
        ('"invasive ductal"', {1}),
        ('"ductal invasive"', set()),
        ("carcinoma -ductal", {2}),
        ("lobular OR benign", {2, 3}),
        ("adeno*", {3}),
        ("ki-67", {1}),
        ("no malignancy", {3}),
        ("tumour", {2}),
        ("nowhere", set()),
    ],
)
def test_words_find_what_a_person_means(text: str, fits: set[int]) -> None:
    document("Invasive ductal carcinoma. Ki-67 20 %.")
    document("Lobular carcinoma in situ.", drawn="tumour\nsee the margin")
    document("Benign fibroadenosis; adenosis. No malignancy.")
    assert set(asked(text)) == {f"S19-{number}-A1-1" for number in fits}


def test_what_was_drawn_weighs_more_than_a_word_in_a_long_report() -> None:
    document("necrosis " + "and other words of a long report " * 40)
    document("another report", drawn="necrosis")
    assert asked("necrosis") == ["S19-2-A1-1", "S19-1-A1-1"]


def test_the_place_is_marked_and_nothing_else_is_a_tag() -> None:
    document("<script>alert(1)</script> margin < 2 mm & invasive carcinoma")
    hit = find(Wanted(words="carcinoma")).hits[0]
    assert "<mark>carcinoma</mark>" in hit.snippet
    assert "<script>" not in hit.snippet
    assert "&lt; 2 mm &amp; invasive" in hit.snippet


def test_a_change_and_a_removal_reach_the_index() -> None:
    made = document("first words")
    SearchDocument.objects.filter(slide=made).update(report="second words")
    assert (asked("first"), asked("second")) == ([], [made.barcode])
    SearchDocument.objects.all().delete()
    assert asked("words") == []


@pytest.mark.parametrize("state", [State.WITHDRAWN, State.REJECTED, State.SCANNED, State.FAILED])
def test_what_may_not_be_seen_is_not_found(state: str) -> None:
    document("carcinoma", state=state)
    assert asked("carcinoma") == []
    assert find(Wanted()).facets["tissue"] == []


def test_filters_narrow_and_counts_say_by_how_much() -> None:
    document("carcinoma", tissue="breast")
    document("carcinoma", tissue="breast", stain="HER2", state=State.RELEASED)
    document("carcinoma", tissue="gastrointestinal", state=State.RELEASED)
    assert asked("carcinoma", tissue="gastrointestinal") == ["S19-3-A1-1"]
    assert asked("carcinoma", stain="HER2") == ["S19-2-A1-1"]
    assert set(asked("carcinoma", released=True)) == {"S19-2-A1-1", "S19-3-A1-1"}
    found = find(Wanted(words="carcinoma"))
    assert [(value, count) for value, _, count in found.facets["tissue"]] == [
        ("breast", 2),
        ("gastrointestinal", 1),
    ]


def test_a_page_holds_a_page() -> None:
    for _ in range(27):
        document("carcinoma")
    assert len(asked("carcinoma")) == 25
    assert len(find(Wanted(words="carcinoma"), page=2).hits) == 2


@pytest.mark.parametrize("text", ["-benign", "word " * 33, "x" * 401])
def test_a_search_that_cannot_be_says_why(text: str) -> None:
    with pytest.raises(BadInput):
        find(Wanted(words=text))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60) | st.text(alphabet="\"'*-():&|!<>\\ ORaé²\0ab", max_size=60))
def test_no_input_is_an_error_of_the_database(text: str) -> None:
    try:
        find(Wanted(words=text))
    except BadInput:
        return
    query = words.read(text)
    assert query is None or query.groups


def test_the_index_is_the_one_of_this_database() -> None:
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    assert ("corpus_search" in tables) == (connection.vendor == "sqlite")
