import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vslide.slides import make_header
from vslide.errors import IdentityRefused, InvalidHeader
from vslide.model import Channel, header_as_dict, header_from_dict, refuse_identity


@pytest.mark.parametrize(
    "text", ["Doe, Jane", "jane@hospital", "1961-04-03", "3/4/1961", "03.04.1961", "MRN 12345678"]
)
def test_it_refuses_texts_that_look_like_a_person(text):
    with pytest.raises(IdentityRefused):
        make_header(stain=text)


@pytest.mark.parametrize("text", ["H&E", "Plan Apo 20x/0.75", "nocturne 0.1.0", "IFN-γ 488", "ER (SP1)", ""])
def test_it_keeps_the_texts_of_instruments(text):
    assert make_header(objective=text).objective == text


def test_it_refuses_an_attribute_that_the_format_does_not_know():
    with pytest.raises(IdentityRefused, match="patient_name"):
        header_from_dict(header_as_dict(make_header()) | {"patient_name": "Jane Doe"})


def test_it_refuses_an_id_that_is_not_random():
    with pytest.raises(IdentityRefused):
        make_header(slide_id="00000000000000000000000012345678")


def test_it_refuses_a_chunk_that_does_not_divide_the_field():
    with pytest.raises(InvalidHeader):
        make_header(chunk_width=33)


@given(st.text(max_size=80))
def test_it_never_stores_more_than_a_short_plain_text(text):
    try:
        refuse_identity("stain", text)
    except IdentityRefused:
        return
    assert len(text) <= 64
    assert not set(text) & set(",@^\n\0")


def test_it_brings_a_header_through_json_unchanged():
    header = make_header(channels=(Channel("DAPI", "#0000ff", 358.0, 461.0, 12.5, 100),))
    assert header_from_dict(header_as_dict(header)) == header
