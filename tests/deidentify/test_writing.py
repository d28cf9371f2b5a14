"""The same person is called the same, and by nobody's name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deidentify.known import Known
from deidentify.reports.surrogates import FAMILY, GIVEN
from deidentify.reports.text import Names, Policy, clean_text

KNOWN = Known(names=("Rosa Mbeki", "Okafor, Amara"), identifiers=("S19-23421", "00481516"))
SECRET = b"a secret of this patient"
TEXT = (
    "Patient: MBEKI, ROSA   MRN: 00481516\nMs. Mbeki (S19-23421) was seen by Dr. Okafor.\n"
    "Discussed with A. Okafor and Dr. Liam Petrov. Rosa agreed; Petrov too. MRN 0048-1516."
)


def written(text: str, names: Names, secret: bytes = SECRET) -> str:
    return clean_text(text, KNOWN, Policy(names=names, secret=secret)).text


def test_people_and_numbers_are_counted_in_the_order_of_appearance() -> None:
    assert written(TEXT, Names.NUMBERED) == (
        "Patient: [NAME-1]   MRN: [ID-1]\nMs. [NAME-1] ([ID-2]) was seen by Dr. [NAME-2].\n"
        "Discussed with [NAME-2] and Dr. [NAME-3]. [NAME-1] agreed; [NAME-3] too. MRN [ID-1]."
    )


def test_a_misread_name_is_the_same_person() -> None:
    text = written("Rosa Mbeki, then Mbek1 and Okaf0r, again Okafor", Names.NUMBERED)
    assert text == "[NAME-1], then [NAME-1] and [NAME-2], again [NAME-2]"


def test_invented_names_are_the_same_in_another_report_of_the_patient() -> None:
    first, second = written("Rosa Mbeki was seen", Names.SURROGATES), written("MBEKI, ROSA", Names.SURROGATES)
    given_name, family = first.split()[:2]
    assert (given_name in GIVEN, family in FAMILY) == (True, True)
    assert second == f"{family}, {given_name}".upper()
    assert written("Mbeki came", Names.SURROGATES) == f"{family} came"
    assert written("Rosa came", Names.SURROGATES) == f"{given_name} came"


def test_another_secret_invents_others() -> None:
    many = {written("Rosa Mbeki", Names.SURROGATES, f"{number}".encode() * 16) for number in range(20)}
    assert len(many) > 15


def test_an_invented_name_is_nobody_s_that_is_known() -> None:
    known = Known(names=(*(f"Rosa {name}" for name in FAMILY[1:]), "Amara Winslowe"))
    policy = Policy(names=Names.SURROGATES, secret=SECRET)
    assert clean_text("Amara Winslowe", known, policy).text.split()[1] == FAMILY[0]


def test_an_invented_number_looks_like_the_real_one() -> None:
    text = written("case S19-23421, S19 23421", Names.SURROGATES)
    found = re.fullmatch(r"case ([A-Z]\d\d)-(\d{5}), \1 \2", text)
    assert found
    assert found[1] + found[2] != "S1923421"


def test_invented_names_want_a_secret() -> None:
    with pytest.raises(ValueError, match="secret"):
        Policy(names=Names.SURROGATES)


def test_a_policy_is_named_without_its_days_and_secret() -> None:
    policy = Policy(names=Names.SURROGATES, secret=SECRET, shift_days=-40)
    assert policy.name == "1+shift+surrogates"
    assert "secret of" not in repr(policy)
    assert Policy().name == "1"


def test_a_shifted_birth_of_long_ago_is_not_said() -> None:
    assert clean_text("born 03/07/1931", KNOWN, Policy(shift_days=30)).text == "born [DATE]"


@given(
    st.sampled_from(list(Names)),
    st.lists(st.sampled_from(["Mbeki", "Rosa", "OKAFOR", "benign", "\n", "Amara"])),
)
def test_no_known_word_stays_and_lines_stay_lines(names: Names, parts: list[str]) -> None:
    text = " ".join(parts)
    result = written(text, names)
    assert not re.search("mbeki|rosa|okafor|amara", result, re.IGNORECASE)
    assert result.count("\n") == text.count("\n")
