"""Two readings compared: labels by kappa, areas by IoU and Dice."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.agreement import Mark, compare, kappa


def box(x: float, y: float, side: float, label: str = "Tumour", **facts: Any) -> Mark:
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return Mark(label, {"type": "Polygon", "coordinates": [ring]}, **facts)


boxes = st.lists(
    st.builds(
        box,
        st.integers(0, 50),
        st.integers(0, 50),
        st.integers(1, 30),
        label=st.sampled_from(["Tumour", "Stroma", ""]),
    ),
    max_size=6,
)


def test_the_same_marks_agree_wholly():
    marks = [box(0, 0, 10), box(20, 0, 5, "Stroma")]
    found = compare(marks, marks, ["Tumour", "Stroma", "Necrosis"])
    assert (found.kappa, found.iou, found.dice) == (1.0, 1.0, 1.0)
    assert [row.label for row in found.labels] == ["Necrosis", "Stroma", "Tumour"]


def test_half_an_overlap_is_a_third_of_the_union():
    found = compare([box(0, 0, 10)], [box(5, 0, 10)])
    assert found.iou == pytest.approx(1 / 3)
    assert found.dice == pytest.approx(1 / 2)


def test_another_label_in_the_same_place_does_not_agree():
    found = compare([box(0, 0, 10)], [box(0, 0, 10, "Stroma")])
    assert (found.kappa, found.iou) == (-1.0, 0.0)


def test_a_negative_outline_is_cut_out():
    found = compare([box(0, 0, 10), box(0, 0, 5, negative=True)], [box(0, 0, 10)])
    assert found.iou == pytest.approx(0.75)


def test_points_count_for_labels_and_not_for_areas():
    point = Mark("Mitosis", {"type": "Point", "coordinates": [1, 1]})
    found = compare([point, point], [point])
    assert (found.labels[0].first, found.labels[0].second, found.iou) == (2, 1, None)


def test_a_bow_tie_is_no_reason_to_stop():
    bow = Mark("Tumour", {"type": "Polygon", "coordinates": [[[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]]})
    assert compare([bow], [bow]).iou == pytest.approx(1.0)


def test_nothing_drawn_by_either_is_no_disagreement():
    found = compare([], [], ["Tumour"])
    assert (found.kappa, found.iou, found.dice) == (1.0, None, None)
    assert compare([], []).kappa is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15, 0.4),
        ([(True, False), (False, True)], -1.0),
        ([(True, True)] * 3, 1.0),
        ([], None),
    ],
)
def test_kappa_is_cohens(said, expected):
    assert kappa(said) == (None if expected is None else pytest.approx(expected))


@given(boxes, boxes)
def test_it_does_not_matter_who_was_first(first, second):
    one, other = compare(first, second), compare(second, first)
    assert one.kappa == pytest.approx(other.kappa) if one.kappa is not None else other.kappa is None
    assert one.iou == pytest.approx(other.iou) if one.iou is not None else other.iou is None
    for share in (one.iou, one.dice):
        assert share is None or -1e-9 <= share <= 1 + 1e-9
