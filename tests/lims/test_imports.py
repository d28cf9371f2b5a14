"""Files from strangers: every kind of bad one is told, and a good row among them is not lost."""

import os
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from lims import imports
from lims.imports import columns
from lims.models import Tissue
from lims.services import Accession
from tests.lims.making import slide

HEAD = "barcode,accession,mrn,family_name,given_name,birth_date,sex,specimen,stain"
GOOD = "B-1,S26-1,12345678,Müller,Ann,1957-03-21,F,Left breast core,H&E"
MANIFESTS = Path(os.environ.get("NOCTURNE_DATA", "../shared/data")) / "manifests"


def sheet(*rows: str, head: str = HEAD) -> imports.Sheet:
    return imports.read_sheet("\n".join((head, *rows)).encode())


def first_of(read: imports.Sheet) -> Accession:
    """The entry of the first good row."""
    entry = read.good[0].entry
    assert entry is not None
    return entry


def only_problem(*rows: str, head: str = HEAD) -> str:
    return "; ".join(sheet(*rows, head=head).rows[0].problems)


def test_it_reads_a_row_of_ours():
    entry = first_of(sheet(GOOD))
    assert (entry.barcode, entry.mrn, entry.family_name) == ("B-1", "12345678", "Müller")
    assert (entry.birth_date, entry.sex, entry.tissue) == (date(1957, 3, 21), "F", Tissue.BREAST)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_it_reads_what_spreadsheets_write(delimiter: str, mark: bytes) -> None:
    text = f"{HEAD}\r\n{GOOD}\r\n".replace(",", delimiter)
    assert first_of(imports.read_sheet(mark + text.encode())).given_name == "Ann"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\n\n\n", "empty"),
        (HEAD.encode(), "no rows"),
        (f"{HEAD}\n{GOOD}".encode("utf-16"), "UTF-16"),
        (f"{HEAD}\n{GOOD}".encode("latin-1"), "Line 2 is not UTF-8"),
        (f"{HEAD}\n{GOOD}\x00".encode(), "NUL"),
        (b"PK\x03\x04\x00rest of a spreadsheet", "not a text file"),
        (f'{HEAD}\n"B-1,never closed'.encode(), "not CSV"),
        (f"{HEAD}\n{'x' * 1_000_000},b".encode(), "not CSV"),
        (b"x" * (imports.MAX_BYTES + 1), "at most"),
        (HEAD.encode() + b"\na,b" * (imports.MAX_ROWS + 1), "Split it"),
        (b"barcode,mrn\nB-1,1", "accession, family_name"),
    ],
)
def test_it_refuses_a_file_that_cannot_be_used(content: bytes, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        imports.read_sheet(content)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", " ="])
@pytest.mark.parametrize("column", [0, 3, 8])
def test_it_refuses_a_formula_and_names_its_column(start: str, column: int) -> None:
    cells = GOOD.split(",")
    cells[column] = f"{start}HYPERLINK(1)"
    assert f"column {HEAD.split(',')[column]}" in only_problem(",".join(cells))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("B-1", "", "barcode is missing"),
        ("B-1", "B 1", "barcode: Letters"),
        ("B-1", "../../etc/passwd", "barcode: Letters"),
        ("12345678", "1;2", "mrn: Letters"),
        ("Müller", "M" * 101, "family_name"),
        ("Müller", "M" * 501, "501 characters"),
        ("Müller", "Mü\x07ller", "control character"),
        ("Müller", '"Mü\nller"', "control character"),
        ("1957-03-21", "21.03.1957", "birth_date"),
        ("1957-03-21", "1957-02-30", "birth_date"),
        (",F,", ",X,", "sex"),
        ("H&E", "x" * 61, "stain"),
        (",H&E", "", "8 cells"),
        ("H&E", "H&E,more", "10 cells"),
    ],
)
def test_it_refuses_a_row_and_says_why(old: str, new: str, said: str) -> None:
    assert said in only_problem(GOOD.replace(old, new))


def test_it_keeps_the_good_row_beside_the_bad_one():
    read = sheet(GOOD.replace("B-1", "=1"), GOOD, GOOD.replace(",F,", ",?,"))
    assert [row.line for row in read.good] == [3]
    assert [row.line for row in read.refused] == [2, 4]


@pytest.mark.django_db
def test_it_sees_duplicates_in_the_file_and_in_the_record():
    slide(barcode="B-9")
    rows = [GOOD, GOOD, GOOD.replace("B-1", "B-9")]
    judged = imports.judged(sheet(*rows))
    assert [row.line for row in judged.good] == [2]
    assert ["stands in line 2" in row.problems[0] for row in judged.refused] == [True, False]
    assert "registered already" in judged.refused[1].problems[0]


@pytest.mark.django_db
def test_it_sees_an_mrn_or_a_case_of_somebody_else():
    slide(mrn="77", family_name="Ray", accession="S26-77")
    rows = ["C-1,S26-5,77,Moreau,,,,,", "C-2,S26-77,78,Moreau,,,,,"]
    problems = [row.problems[0] for row in imports.judged(sheet(*rows)).rows]
    assert problems == [
        "MRN 77 belongs to a patient with another name", "case S26-77 belongs to another patient"
    ]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.skipif(not MANIFESTS.is_dir(), reason="the real manifests are not on this machine")
def test_it_reads_the_real_manifest():
    judged = imports.judged(imports.read_sheet((MANIFESTS / "slide_manifest_metadata.csv").read_bytes()))
    assert (len(judged.good), len(judged.refused)) == (36, 5)
    first = first_of(judged)
    assert (first.barcode, first.accession, first.mrn) == ("CR-21-88-A1-1", "CR-21-88", "R064389")
    assert (first.family_name, first.given_name) == ("TESTING", "GT450 GOOGLE")
    assert (first.birth_date, first.tissue, first.clinician) == (None, Tissue.GASTROINTESTINAL, "First Last")


@pytest.mark.django_db
@pytest.mark.skipif(not MANIFESTS.is_dir(), reason="the real manifests are not on this machine")
def test_it_sees_the_duplicate_of_the_real_manifest():
    judged = imports.judged(imports.read_sheet((MANIFESTS / "slide_manifest_duplicates.csv").read_bytes()))
    assert [row.line for row in judged.refused] == [38]


@pytest.mark.parametrize(
    ("words", "tissue"),
    [
        ("Liver test", Tissue.GASTROINTESTINAL),
        ("Colon, right, polyp", Tissue.GASTROINTESTINAL),
        ("Prostate, left base", Tissue.PROSTATE),
        ("Parathyroid", Tissue.ENDOCRINE),
        ("Lungwort tea", Tissue.MISCELLANEOUS),
        ("Skin of cheek", Tissue.MISCELLANEOUS),
        ("Larynx biopsy", Tissue.HEAD_NECK),
    ],
)
def test_it_finds_the_category_in_the_words(words: str, tissue: str) -> None:
    assert columns.tissue("", words) == tissue


@pytest.mark.parametrize("value", ["=1", "+1", "-1", "@x", "\t1", "\r1", " =1"])
def test_it_writes_no_formula(value: str) -> None:
    assert f"'{value}" in imports.to_csv(["why"], [[value]])


@given(st.binary(max_size=400))
def test_it_survives_any_bytes(content: bytes) -> None:
    with suppress(BadInput):
        read = imports.read_sheet(HEAD.encode() + b"\n" + content)
        assert all(row.good or row.problems for row in read.rows)


@given(st.lists(st.text(max_size=20), min_size=9, max_size=9))
def test_it_survives_any_cells(cells: list[str]) -> None:
    text = imports.to_csv(HEAD.split(","), [cells])
    with suppress(BadInput):
        read = imports.read_sheet(text.encode("utf-8", "replace"))
        assert all(row.good or row.problems for row in read.rows)


def test_it_reads_a_load_file_whole_or_not_at_all():
    places = imports.read_placements(b"carousel,slot,barcode\n1,1,B-1\n40,10,B-2\n")
    assert [(p.carousel, p.position, p.barcode) for p in places] == [(1, 1, "B-1"), (40, 10, "B-2")]
    with pytest.raises(BadInput, match="line 3"):
        imports.read_placements(b"carousel,slot,barcode\n1,1,B-1\none,1,B-2\n")
    with pytest.raises(BadInput, match="lacks slot"):
        imports.read_placements(b"carousel,barcode\n1,B-1\n")
