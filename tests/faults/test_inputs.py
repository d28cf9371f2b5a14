"""The campaign of hostile inputs in short."""

import pytest

from tests.faults.apart import apart
from tests.faults.inputs import Input, campaign, outcome, tried
from tests.faults.inputs.readers import ANSWER, READERS, TYPED

CHEAP = (
    "circle.svs",
    "vast.svs",
    "deep.dcm",
    "laughs.docx",
    "dolls.zip",
    "nested.json",
    "objects.pdf",
    "brackets.xml",
)


def test_it_ends_every_input_with_an_answer_or_an_error_by_name() -> None:
    tally = campaign(n=40, jobs=1, readers=["frame"], say=lambda words: None)
    assert (tally.problems, tally.unreadable) == ([], 0)
    assert tally.counts["frame_typed"] > 0
    assert tally.counts["frame_typed"] + tally.counts.get("frame_answer", 0) == tally.tried


def test_a_file_made_to_hurt_the_gate_does_not() -> None:
    wanted = [Input("gate", name.rsplit(".", 1)[1], hostile=name) for name in CHEAP]
    assert set(apart(tried, wanted, jobs=1)) <= {ANSWER, TYPED}


def _nameless(path: object) -> str:
    raise KeyError("no name")


def test_an_error_without_a_name_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(READERS, "gate", _nameless)
    assert outcome(Input("gate", "txt")).startswith("KeyError")


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize(
    ("reader", "kind"), [("gate", "svs"), ("gate", "dcm"), ("gate", "pdf"), ("annotations", "xml")]
)
def test_a_mutated_file_gets_an_answer_or_an_error_by_name(reader: str, kind: str, number: int) -> None:
    assert outcome(Input(reader, kind, number)) in (ANSWER, TYPED)
