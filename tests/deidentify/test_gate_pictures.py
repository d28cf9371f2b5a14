"""Words in pictures: read where an engine is installed, kept here where none is."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from deidentify.gate.errors import CannotJudge
from deidentify.gate.judge import judge
from deidentify.gate.ocr import find_engine
from deidentify.gate.pictures import Lookout, as_bytes
from deidentify.gate.resemblance import Resemblance
from deidentify.gate.streams import Picture
from deidentify.gate.values import parse_known
from deidentify.gate.verdict import NO_ENGINE, NOT_ASKED
from tests.deidentify.making import KNOWN, tissue

VALUES = parse_known(json.dumps(KNOWN))


def label(*lines: str) -> bytes:
    image, store = Image.new("RGB", (520, 220), "white"), io.BytesIO()
    for number, line in enumerate(lines):
        ImageDraw.Draw(image).text(
            (30, 30 + 60 * number), line, fill="black", font=ImageFont.load_default(32)
        )
    image.save(store, "PNG")
    return store.getvalue()


@pytest.mark.parametrize(
    "lines",
    [["VANDERMEER, Q"], ["Vanderrneer Quentin"], ["MRN OO481516"], ["born 09.03.1957"], ["V4NDERMEER"]],
)
def test_it_knows_a_value_as_a_machine_misreads_it(lines: list[str]) -> None:
    assert Resemblance(VALUES).labels(lines)


@pytest.mark.parametrize("lines", [["Aperio AT2 40x"], ["born 09.03.1958"], ["van der Waals"], ["48177"], []])
def test_it_takes_no_other_words_for_a_value(lines: list[str]) -> None:
    assert Resemblance(VALUES).labels(lines) == []


@pytest.mark.skipif(find_engine() is None, reason="no OCR engine is installed")
def test_it_reads_a_name_in_a_picture(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(label("VANDERMEER", "prostate"))
    verdict = judge(file, VALUES)
    assert [(hit.encoding, hit.value) for hit in verdict.hits] == [("ocr", "names[0]")]
    file.write_bytes(label("prostate", "HE 40x"))
    assert judge(file, VALUES).state == "clean"


def test_a_picture_that_may_show_words_stays_here_when_nobody_can_read_it(monkeypatch) -> None:
    monkeypatch.setattr("deidentify.gate.pictures.find_engine", lambda: None)
    lookout = Lookout(VALUES, "auto")
    assert list(lookout.look([Picture("directory 1", tissue(128))])) == []
    assert lookout.said == NO_ENGINE
    with pytest.raises(CannotJudge, match="directory 1"):
        lookout.insist()


def test_a_level_of_the_slide_needs_no_engine_unless_the_policy_says_so(monkeypatch) -> None:
    monkeypatch.setattr("deidentify.gate.pictures.find_engine", lambda: None)
    level = Picture("directory 0", tissue(128), may_show_words=False)
    for policy, said in (("auto", NO_ENGINE), ("off", NOT_ASKED)):
        lookout = Lookout(VALUES, policy)
        list(lookout.look([level]))
        lookout.insist()
        assert lookout.said == said
    strict = Lookout(VALUES, "required")
    list(strict.look([level]))
    with pytest.raises(CannotJudge):
        strict.insist()


def test_it_makes_a_picture_of_any_pixels() -> None:
    deep = np.linspace(0, 4000, 3 * 40 * 50).reshape(3, 40, 50).astype(np.uint16)
    seen = as_bytes(deep)
    assert seen is not None
    assert (seen.shape, seen.dtype, int(seen.max())) == ((40, 50, 3), np.uint8, 255)
    assert as_bytes(np.zeros((4, 0), np.uint8)) is None
