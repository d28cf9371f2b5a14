"""What is said of focus in docs/focus.md, in a short form; the long one is `python -m tests.bench.focus`."""

from dataclasses import replace

import pytest

from microscope.focus import SAFE_BELOW
from tests.bench.focus import FIGURES, HIDDEN, curve, figures, table
from tests.bench.glasses import KINDS, Judged, judge

GOOD = Judged("good", "H&E", "", 0.1, 0.0, (), 9, 9, (0.1, 0.2, 0.3))
BAD = replace(GOOD, kind="faint", failed="no focus", seen=0.2, risk=0.9, misses_um=())


@pytest.mark.parametrize("number", range(2 * len(KINDS)))
def test_every_kind_of_glass_has_its_points_on_tissue_and_a_surface_that_is_right(number):
    found = judge(number)
    assert found.inside == found.points or found.kind in HIDDEN
    assert found.kind == "good" or found.kind in KINDS
    if found.kind == "good":
        assert (found.failed, found.points) == ("", 9)
        assert max(found.misses_um) < 1.5
        assert found.risk < SAFE_BELOW


@pytest.mark.campaign
@pytest.mark.timeout(600)
def test_all_points_of_two_hundred_specimens_lie_on_tissue():
    judged = [one for one in map(judge, range(2 * 130)) if one.kind not in HIDDEN]
    assert len(judged) > 200
    assert sum(one.points for one in judged) > 1500
    assert [one for one in judged if one.inside < one.points] == []


def test_its_shares_are_of_the_failing_and_of_the_good():
    found = figures([GOOD, GOOD, GOOD, replace(GOOD, risk=0.7), BAD, replace(BAD, risk=0.1)])
    assert (found["flagged"], found["untouched"]) == (50.0, 75.0)
    assert (found["flagged_by_picture"], found["untouched_by_picture"]) == (0.0, 100.0)
    assert (found["surface_median"], found["inside"]) == (0.2, 100.0)
    assert set(found) | {"propose"} == set(FIGURES)


def test_its_tables_name_every_kind_and_threshold():
    lines = list(table([GOOD, BAD]))
    assert lines[2] == "| good | 1 | 0 | 0 | 0 | 0 | 0 |"
    assert "| faint | 1 | 1 | 0 | 1 | 0 | 0 |" in lines
    assert lines[-1] == "| all | 2 | 1 | 0 | 1 | 0 | 0 |"
    assert list(curve([GOOD, BAD]))[2] == "| 0.2 | 100.0 % | 100.0 % | 100.0 % | 100.0 % |"
