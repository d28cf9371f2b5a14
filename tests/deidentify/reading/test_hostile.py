"""Whatever the bytes say, a reader answers with lines or with an error of the tree."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deidentify.errors import DeidentifyError
from deidentify.reports.reading.hl7 import read_hl7
from deidentify.reports.reading.model import Reading
from deidentify.reports.reading.pdf import read_pdf
from deidentify.reports.reading.rtf import read_rtf
from tests.deidentify.reading.making import encapsulated, oru, pdf, rtf

WHOLE = {
    "pdf": pdf(["Benign prostate tissue (two cores)."], ["Second page, also benign."]),
    "rtf": rtf(
        ["Benign"], inner=r"{\field{\*\fldinst HYPERLINK \"x\"}{\fldrslt y}}\u8211?\'e9\uc2 \cell\row"
    ),
    "hl7": oru(["Benign \\.sp9\\ \\T\\"], more=[encapsulated(pdf(["Benign prostate tissue, two cores."]))]),
}
READERS: dict[str, Callable[[bytes], Reading]] = {
    "pdf": lambda data: read_pdf(data, ocr=False),
    "rtf": read_rtf,
    "hl7": lambda data: read_hl7(data, ocr=False),
}
PIECES = st.sampled_from(
    [b"{", b"}", b"\\", b"\\u", b"\\'", b"\\uc", b"\\ansicpg", b"\\f1", b"{\\fonttbl{\\f1\\fcharset2 x;}}",
     b"|", b"^", b"\r", b"\nOBX|1|ED|", b"~&", b"\\X", b"\\.sp99999999\\", b"<<", b">>", b"stream\n", b"obj",
     b"-1", b"9" * 30, b"\0"]
)  # fmt: skip


def answers(kind: str, data: bytes) -> None:
    with suppress(DeidentifyError):
        reading = READERS[kind](data)
        assert all("\n" not in cell for line in reading.lines for cell in line.cells)


@pytest.mark.parametrize("kind", sorted(READERS))
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2000), st.integers(0, 40), st.lists(PIECES | st.binary(max_size=8), max_size=8))
def test_it_answers_to_a_changed_report(kind: str, at: int, gone: int, put: list[bytes]) -> None:
    whole = WHOLE[kind]
    at %= len(whole)
    answers(kind, whole[:at] + b"".join(put) + whole[at + gone :])


@pytest.mark.parametrize("kind", sorted(READERS))
@settings(max_examples=100, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=20), max_size=30))
def test_it_answers_to_anything(kind: str, parts: list[bytes]) -> None:
    begin = {"pdf": b"%PDF-1.4\n", "rtf": b"{\\rtf1", "hl7": b"MSH|^~\\&|a|b|c|d|e||ORU^R01|1\r"}[kind]
    answers(kind, begin + b"".join(parts))


@pytest.mark.parametrize("kind", sorted(READERS))
@given(st.integers(0, 3000))
def test_it_answers_to_half_a_report(kind: str, end: int) -> None:
    answers(kind, WHOLE[kind][:end])
