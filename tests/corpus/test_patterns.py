"""Naming templates of the laboratory's own, from one line: pure."""

from itertools import permutations
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import BadName
from corpus.naming import TEMPLATES, Parts, name_all
from corpus.patterns import EXAMPLE, FIELDS, LONGEST, NEEDED, own_template
from tests.corpus.test_naming import parts as any_parts

LINE = "{tissue}/{key}/{case}/{case}_{site}_{cut}{cut_number:4}_s{duplicate:2}.{extension}"
TOKENS = st.one_of(
    st.sampled_from([f"{{{name}}}" for name in FIELDS]),
    st.sampled_from(["{cut_number:2}", "{duplicate:1}", "{group:3}"]),
    st.text("abz09_-./", min_size=1, max_size=4),
)


def test_it_says_what_the_built_in_one_says() -> None:
    assert own_template("own:1", LINE).path(EXAMPLE) == TEMPLATES["tudp-2018"].path(EXAMPLE)
    line = (
        "tudp/v1.0.0/{extension}/{tissue_short}/{group}/{key}/{day}/{case}/"
        "{case}_{site}_{key}_{cut}{cut_number}_s{duplicate:3}.{extension}"
    )
    assert own_template("own:1", line).path(EXAMPLE) == TEMPLATES["tudp-v1.0.0"].path(EXAMPLE)


@given(any_parts)
def test_a_path_is_read_back(parts: Parts) -> None:
    known = own_template("own:1", "{year}/" + LINE)
    read = known.parse(known.path(parts))
    assert (read.key, read.year, read.sample, read.site) == (parts.key, parts.year, parts.sample, parts.site)
    assert (read.tissue, read.cut, read.cut_number) == (parts.tissue, parts.cut, parts.cut_number)
    assert (read.duplicate, read.extension) == (parts.duplicate, parts.extension)


@given(st.lists(TOKENS, max_size=8), any_parts)
def test_no_line_and_no_record_leave_the_folder(tokens: list[str], parts: Parts) -> None:
    line = "".join(tokens) + "/{tissue}-{key}{case}{site}_{cut}{cut_number}x{duplicate}.{extension}"
    try:
        known = own_template("own:1", line)
        path = known.path(parts)
    except BadName:
        return
    assert ".." not in path.parts
    assert not path.is_absolute()
    assert str(path) == str(path).casefold()
    assert len(str(path)) <= LONGEST
    assert known.parse(path).key == parts.key


@given(st.text(max_size=60))
def test_any_text_is_a_template_or_refused(line: str) -> None:
    with pytest.raises(BadName):
        own_template("own:1", line)


@given(st.lists(any_parts.filter(lambda parts: parts.duplicate < 90), max_size=6))
def test_no_two_files_have_one_name(wanted: list[Parts]) -> None:
    named = name_all(own_template("own:1", LINE), [*wanted, *wanted[:2]])
    stems = {str(PurePosixPath(one.path).with_suffix("")).casefold() for one in named}
    assert len(stems) == len(named)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "1 to 200 signs"),
        ("{name}/" + LINE, "no field {name}"),
        ("../" + LINE, "'..' cannot be the name"),
        ("/" + LINE, "'' cannot be the name"),
        ("a//" + LINE, "'' cannot be the name"),
        (".hidden/" + LINE, "'.hidden' cannot be"),
        ("-r/" + LINE, "'-r' cannot be"),
        ("aux/" + LINE, "'aux' cannot be"),
        ("Big/" + LINE, "'B' cannot stand at sign 1"),
        ("a b/" + LINE, "' ' cannot stand at sign 2"),
        (LINE.replace("{site}_", "{site}"), "After {site}"),
        (LINE.replace("{tissue}/", "{tissue}{key}/"), "After {tissue}"),
        (LINE.replace(".{extension}", ".svs"), "must say {extension}"),
        (LINE + ".zip", "ends with .{extension}"),
        (LINE.replace("{tissue}", "{tissue_short}/{tissue}"), "cannot both"),
        (LINE.replace("_s{duplicate:2}", "_s{duplicate:4}"), "at most 3 digits"),
        (LINE.replace("{key}", "{key:8}"), "no width"),
        (LINE.replace("{key}/", ""), "must say {key}"),
        ("{case}/" * 15 + LINE, "longer than 230"),
    ],
)
def test_a_line_that_cannot_be_says_why(line: str, told: str) -> None:
    with pytest.raises(BadName) as refused:
        own_template("own:1", line)
    assert told in refused.value.message
    assert refused.value.detail["field"] == "line"


@pytest.mark.parametrize("missing", NEEDED)
def test_what_tells_slides_apart_must_stand_in_it(missing: str) -> None:
    line = "-".join(f"{{{name}}}" for name in ("tissue", *NEEDED[:-1]) if name != missing)
    with pytest.raises(BadName, match="must say" if missing != "extension" else r"must say \{extension\}"):
        own_template("own:1", f"{line}.{{extension}}" if missing != "extension" else line)


def test_fields_may_stand_in_any_order() -> None:
    for order in list(permutations(("tissue", *NEEDED[:-1])))[::500]:
        known = own_template("own:1", "-".join(f"{{{name}}}" for name in order) + ".{extension}")
        assert known.parse(known.path(EXAMPLE)).site == EXAMPLE.site


def test_a_number_that_has_no_room_is_refused() -> None:
    known = own_template("own:1", LINE.replace("{cut_number:4}", "{cut_number:1}"))
    with pytest.raises(BadName, match="more than 1 digits"):
        known.path(Parts("breast", "12345678", 2015, 1, "0a001", "lvl", 12, 0, "svs"))
