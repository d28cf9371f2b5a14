"""In what two manifests differ."""

from hypothesis import given
from hypothesis import strategies as st

from corpus.differences import difference

Rows = list[dict[str, str]]


def rows(**files: str) -> Rows:
    return [{"path": f"data/{name}", "sha256": digest} for name, digest in files.items()]


def test_it_names_what_was_added_removed_changed_and_moved() -> None:
    found = difference(rows(a="1", b="2", c="3", d="4"), rows(a="1", b="9", e="3", f="5"))
    assert (found.added, found.removed, found.changed) == (["data/f"], ["data/d"], ["data/b"])
    assert (found.moved, found.same) == ([("data/c", "data/e")], 1)


def test_a_file_that_was_withdrawn_is_neither_added_nor_removed() -> None:
    before = rows(a="1", b="2")
    after = [*rows(a="1"), {"path": "data/b", "sha256": "2", "withdrawn": "2026-11"}]
    found = difference(before, after)
    assert (found.withdrawn, found.removed, found.same) == (["data/b"], [], 1)


def test_only_the_corpus_is_compared() -> None:
    assert difference([{"path": "README.md", "sha256": "1"}], []).removed == []


FILES = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("123"))


@given(FILES, FILES)
def test_every_file_is_told_of_once(before: dict[str, str], after: dict[str, str]) -> None:
    found = difference(rows(**before), rows(**after))
    moved_from, moved_to = ([pair[side] for pair in found.moved] for side in (0, 1))
    told = [*found.added, *found.removed, *found.changed, *moved_from, *moved_to]
    assert len(told) == len(set(told))
    assert len(found.added) + len(moved_to) + len(found.changed) + found.same == len(after)
    assert len(found.removed) + len(moved_from) + len(found.changed) + found.same == len(before)
