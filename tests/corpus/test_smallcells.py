"""Small groups of patients hold a release until somebody says why it leaves all the same."""

import pytest

from corpus import smallcells
from corpus.errors import SmallCells
from corpus.models import Release
from corpus.queries import small_cells
from corpus.services import create_release
from corpus.smallcells import Person, age_band, judge
from lims.models import Patient, Slide
from tests.conftest import person
from tests.corpus.making import WHY, read_slide


def people(count: int, first: int = 0, **facts: str) -> list[Person]:
    given = {"tissue": "breast", "sex": "F", "age": "60-69", "year": "2019"} | facts
    return [Person(first + number, **given) for number in range(count)]


@pytest.mark.parametrize(
    ("age", "band"),
    [(None, "?"), (-1, "?"), (0, "0-9"), (69, "60-69"), (89, "80-89"), (90, "90+"), (104, "90+")],
)
def test_ages_are_ten_years_and_ninety_is_the_last(age: int | None, band: str) -> None:
    assert age_band(age) == band


@pytest.mark.parametrize(("count", "small"), [(1, 1), (4, 1), (5, 0), (50, 0)])
def test_a_cell_of_fewer_than_k_is_small(count: int, small: int) -> None:
    assert smallcells.small(judge(people(count), [], 5)) == small


def test_a_patient_counts_once_however_many_slides() -> None:
    assert smallcells.small(judge(people(3) * 4, [], 5)) == 1


def test_what_is_added_to_a_large_cell_is_seen_by_who_has_both_releases() -> None:
    former = people(20)
    assert smallcells.small(judge(people(2, first=100), former, 5)) == 1
    assert smallcells.small(judge(people(5, first=100), former, 5)) == 0
    assert smallcells.small(judge(people(2, first=3), former, 5)) == 0  # more slides of known patients


def test_a_small_cell_grows_by_a_later_release() -> None:
    assert smallcells.small(judge(people(6, first=100), people(2), 5)) == 0


def test_it_says_how_far_one_would_have_to_generalise() -> None:
    mixed = [one for year in range(6) for one in people(2, first=10 * year, year=str(2014 + year))]
    steps = judge(mixed, [], 5)["steps"]
    assert [step["small"] for step in steps] == [6, 0, 0, 0]
    assert steps[0]["listed"][0] == {"cell": ["breast", "F", "60-69", "2014"], "people": 2, "new": 2}


@pytest.mark.django_db(databases=["default", "vault"])
def test_a_release_with_small_cells_needs_a_reason_that_stays_with_it() -> None:
    one = read_slide(accession="S19-23421", mrn="00481516")
    Patient.objects.update(sex="F")
    found = small_cells([Slide.objects.get(pk=one.pk)])
    assert found["steps"][0]["listed"][0]["cell"][1:] == ["F", "60-69", "2019"]
    with pytest.raises(SmallCells) as caught:
        create_release(actor=person("steward"))
    assert caught.value.detail["small_cells"]["k"] == 5
    assert not Release.objects.exists()
    made = create_release(actor=person("steward"), small_cells_reason=WHY)
    assert (made.small_cells_reason, smallcells.small(made.small_cells)) == (WHY, 1)
