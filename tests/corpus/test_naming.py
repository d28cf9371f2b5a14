"""Names: the papers' own examples, and every name there can be."""

from dataclasses import replace
from datetime import date
from pathlib import PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from corpus.errors import BadName, NameCollision
from corpus.naming import CUTS, EXTENSIONS, TEMPLATES, TISSUES, Parts, name_all

FIRST = Parts("breast", "12345678", 2002, 1, "0a001", "lvl", 1, 0, "svs")
V1 = Parts("gastrointestinal", "00123456", 2015, 12345, "0a001", "lvl", 1, 0, "svs", date(2015, 3, 5), 1)
OLD, NEW = TEMPLATES["tudp-2018"], TEMPLATES["tudp-v1.0.0"]
briefly = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

parts = some.builds(
    Parts,
    tissue=some.sampled_from(TISSUES),
    key=some.from_regex(r"[0-9]{8}", fullmatch=True).filter(str.isascii),
    year=some.integers(1970, 2069),
    sample=some.integers(0, 99_999),
    site=some.text("0123456789abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=8),
    cut=some.sampled_from(CUTS),
    cut_number=some.integers(1, 9_999),
    duplicate=some.integers(0, 99),
    extension=some.sampled_from(EXTENSIONS),
    day=some.dates(date(1970, 1, 1), date(2069, 12, 31)),
    group=some.integers(1, 999_999),
)


def test_it_writes_the_names_of_the_papers():
    assert str(OLD.path(FIRST)) == "breast/12345678/0s02_00001/0s02_00001_0a001_lvl0001_s00.svs"
    assert str(NEW.path(V1)) == (
        "tudp/v1.0.0/svs/gastro/000001/00123456/2015_03_05/0s15_12345/0s15_12345_0a001_00123456_lvl0001_s000.svs"
    )


@briefly
@given(given=parts)
def test_every_name_reads_back(given):
    assert NEW.parse(NEW.path(given)) == given
    assert OLD.parse(OLD.path(given)) == replace(given, day=None, group=1)


@briefly
@given(given=parts)
def test_no_name_leaves_its_folder(given):
    for known in (OLD, NEW):
        path = known.path(given)
        assert not path.is_absolute()
        assert ".." not in path.parts
        assert str(path).isascii()
        assert not set(str(path)) & set(" \\:*?\"<>|;$&'\n")


@briefly
@given(some.lists(parts, max_size=12).map(lambda rows: rows * 2))
def test_no_two_slides_of_a_release_share_a_name(rows):
    rows = [replace(row, duplicate=row.duplicate % 50) for row in rows]
    named = name_all(OLD, rows)
    stems = [str(name.path.with_suffix("")).casefold() for name in named]
    assert len(set(stems)) == len(rows)
    assert [name_all(OLD, rows)[i].path for i in range(len(rows))] == [name.path for name in named]


@pytest.mark.parametrize(
    "change",
    [
        {"tissue": "../etc"}, {"tissue": "Breast"}, {"key": "1234567"}, {"key": "1234567a"},
        {"key": "１２３４５６７８"},
        {"year": 2500}, {"sample": -1}, {"sample": True}, {"site": "a/b"}, {"site": ".."}, {"site": "0A001"},
        {"cut": "xyz"}, {"cut_number": 0}, {"duplicate": -1}, {"extension": "exe"}, {"day": "2015-03-05"},
        {"key": "12345678\n"},
    ],
)  # fmt: skip
def test_it_refuses_a_part_that_is_not_allowed(change):
    with pytest.raises(BadName):
        replace(FIRST, **change)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a.svs",
        "breast/12345678/0s02_00001/0s02_00002_0a001_lvl0001_s00.svs",
        "/breast/12345678/0s02_00001/0s02_00001_0a001_lvl0001_s00.svs",
        "breast/12345678/0s02_00001/0s02_00001_0a001_lvl0001_s00.svs\n",
        "breast/../12345678/0s02_00001/0s02_00001_0a001_lvl0001_s00.svs",
    ],
)
def test_it_reads_no_other_path(path):
    with pytest.raises(BadName):
        OLD.parse(path)


def test_equal_slides_get_the_next_free_index_and_it_says_so():
    named = name_all(OLD, [FIRST, FIRST, replace(FIRST, extension="h5")])
    assert [name.parts.duplicate for name in named] == [0, 1, 2]
    assert [name.moved for name in named] == [False, True, True]
    taken = [str(name.path) for name in named]
    assert name_all(OLD, [FIRST], taken)[0].parts.duplicate == 3


def test_it_says_when_the_indices_are_used_up():
    with pytest.raises(NameCollision):
        name_all(OLD, [FIRST] * 101)
    with pytest.raises(BadName):
        OLD.path(replace(FIRST, duplicate=100))
    with pytest.raises(BadName, match="day"):
        NEW.path(FIRST)


def test_a_path_is_a_pure_path():
    assert isinstance(OLD.path(FIRST), PurePosixPath)
