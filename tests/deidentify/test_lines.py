"""What runs over the end of a line is found as well, and lines stay lines."""

import pytest

from deidentify.known import Known
from deidentify.reports.text import Policy, clean_text

KNOWN = Known(names=("Jane Hollings",), identifiers=("00481516",), dates=("2019-05-12",))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Collected May\n12, 2019 by hand", "Collected [DATE 2019]\n[DATE] by hand"),
        ("MRN 0048\n1516 again", "MRN [ID]\n[ID] again"),
        ("of Hol-\nlings there", "of [NAME]\n[NAME] there"),
        ("for Jane\n  Hollings, who", "for [NAME]\n  [NAME], who"),
        ("Seen July\n4, 2018 here", "Seen [DATE 2018]\n[DATE] here"),
        ("told Dr. Amara\nOkafor so", "told Dr. [NAME]\n[NAME] so"),
        ("seen J.H. and J. M. H. again", "seen [NAME] and [NAME] again"),
        ("since 05/2018 and 3-2017.", "since [DATE 2018] and [DATE 2017]."),
    ],
)
def test_it_is_found(text: str, left: str) -> None:
    assert clean_text(text, KNOWN).text == left


@pytest.mark.parametrize(
    "text",
    [
        "Gleason 3 + 4 = 7\nin 2 of 12 cores",
        "HER2 2+\nKi-67 30 %",
        "a well-\ndifferentiated tumour",
        "A.P. diameter 3.2 cm, J.M. stain",
        "12 of 2018 cells, ratio 1/2",
    ],
)
def test_what_names_nobody_stays(text: str) -> None:
    assert clean_text(text, KNOWN).text == text


def test_a_heading_after_a_name_stays() -> None:
    assert clean_text("read by Dr. Okafor\nDiagnosis", KNOWN).text == "read by Dr. [NAME]\nDiagnosis"
    assert clean_text("read by Dr. Okafor\nThe margins", KNOWN).text == "read by Dr. [NAME]\nThe margins"
    assert clean_text("read by Dr. Okafor\nGrade: 2", KNOWN).text == "read by Dr. [NAME]\nGrade: 2"


def test_a_shifted_date_over_two_lines_is_said_once() -> None:
    cleaned = clean_text("on May\n12, 2019.", KNOWN, Policy(shift_days=-40))
    assert cleaned.text == "on 2019-04-02\n[DATE]."
