"""docs/faults.md names the tests that show what becomes of each fault: they are there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (F\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
SHOWN = {*range(1, 12), *range(14, 18), *range(19, 29), *range(31, 34), 43}  # each by a test of its own


def rows() -> dict[str, str]:
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    return {name: shown for name, _, shown in ROW.findall(page)}


@cache
def written_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_it_lists_every_fault_once_and_in_order():
    assert list(rows()) == [f"F{number}" for number in range(1, 46)]


def test_every_test_that_it_names_is_there():
    named = {name for shown in rows().values() for name in TEST.findall(shown)}
    missing = [f"{file}::{test}" for file, test in named if test not in written_in(ROOT / file)]
    assert (missing, len(named) > 80) == ([], True)


@pytest.mark.parametrize("number", sorted(SHOWN))
def test_each_that_must_be_shown_is_shown_by_a_test(number: int):
    assert TEST.search(rows()[f"F{number}"])


def test_whatever_no_test_shows_has_its_reason():
    bare = {name: shown for name, shown in rows().items() if not TEST.search(shown)}
    assert all(shown.startswith("Not here: ") for shown in bare.values()), bare
