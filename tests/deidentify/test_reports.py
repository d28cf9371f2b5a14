import io
import zipfile
from pathlib import Path

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deidentify.errors import BadKnownValues, BrokenInput, UnsupportedFormat
from deidentify.known import Known
from deidentify.reports.docx import Line, lines_as_text, read_docx, text_as_lines, write_docx
from deidentify.reports.text import Policy, clean_text
from tests.deidentify.making import PERSON, make_docx
from tests.deidentify.reports_made import report

KNOWN = Known.from_dict(
    {
        "names": ["Jane Q. Hollings", "Green, Mark"],
        "identifiers": ["00481516", "S19-23421"],
        "dates": ["1931-03-07", "2019-05-12"],
    }
)


def cleaned(text: str, policy: Policy | None = None) -> str:
    return clean_text(text, KNOWN, policy).text


@pytest.mark.parametrize(
    "written",
    ["Jane Hollings", "HOLLINGS, JANE", "Hollings", "J. Hollings", "Hol1ings", "Holllngs", "0048-1516",
        "0048 1516", "00481S16", "S19 23421",
     "S1923421", "03/07/1931", "7 March 1931", "Mar 7, 1931", "19310307", "1931-03-07", "3.7.1931",
     "Dr. Green", "MARK GREEN"],
)  # fmt: skip
def test_it_takes_out_a_known_value_however_written(written: str) -> None:
    result = cleaned(f"Specimen of {written}, received fresh.")
    assert written.split()[-1].lower() not in result.lower()
    assert "received fresh" in result


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("Patient Name: Rosa Mbeki   Sex: F", "Sex: F"), ("MRN: 77-12-A9  Location", "Location"),
        ("Referring Physician: Okafor, T", ""),
        ("Address: 12 Elm Street, Springfield, PA 19140", ""), ("Phone: (215) 555-1234", ""),
        ("DOB: 4/5/60", ""),
        ("Electronically signed by: Li Wei, M.D.", ""), ("Call 215-555-1234 or a.b@c.org", "Call"),
        ("SSN 123-45-6789", "SSN"),
        ("see prior S18-04412", "see prior"), ("discussed with Dr. Amara Okafor today", "today"),
        ("a 93-year-old woman", "90+"),
        ("seen at Temple University Hospital on 5/6/2018", "seen at"), ("Patient Adam Bell was told",
        "was told"),
    ],
)  # fmt: skip
def test_it_takes_out_what_labels_shapes_and_context_show(line: str, kept: str) -> None:
    result = cleaned(line)
    assert kept in result
    for secret in (
        "Rosa",
        "Mbeki",
        "77-12",
        "Okafor",
        "Elm",
        "555",
        "4/5/60",
        "Wei",
        "b@c",
        "6789",
        "04412",
        "93",
        "Temple",
        "5/6",
        "Bell",
    ):
        assert secret not in result


@pytest.mark.parametrize(
    "phrase",
    ["Gleason score 3+4=7 (Grade Group 2)", "Ki-67 index 20%", "HER2 negative (1+)", "Barrett's esophagus",
        "Hodgkin lymphoma",
     "Nottingham grade 2", "pT2a N0 MX", "2.5 x 1.2 x 0.8 cm", "blocks A1-A12", "ER 95%, PR 80%",
     "inked green at the margin", "Paget disease",
     "p63 and CK5/6 stains", "a 67-year-old man", "0/12 lymph nodes", "3 of 14 cores, 1.5 mm",
     "BRCA1 mutation", "Warthin tumor", "Ann Arbor stage IIA", "Masson trichrome, Victoria blue", "Mayo score 3",  # noqa: E501
     "performed on Ventana BenchMark", "seen in the Right Upper Lobe", "SNOMED M-81403, ICD-O 8140/3, CPT 88305",  # noqa: E501
     "Stanford type A dissection", "Yale grading", "All margins are free", "Rosai-Dorfman disease", "CA 125 35 U/mL",  # noqa: E501
     "1000-2000 cells", "KRAS G12C (c.34G>T)", "PD-L1 (22C3) TPS 60%", "Philadelphia chromosome", "Von Hippel-Lindau"],  # noqa: E501
)  # fmt: skip
def test_it_keeps_what_a_diagnosis_is_made_of(phrase: str) -> None:
    assert cleaned(f"DIAGNOSIS: {phrase}.") == f"DIAGNOSIS: {phrase}."


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("in a 55-year-old male, Robert Smith, with asthma", "in a 55-year-old male, [NAME], with asthma"),
        ("referring Mary A., seen at Cedar Crest", "referring [NAME], seen at [PLACE]"),
        ("SMITH, JOHN Q. was told", "[NAME] was told"),
        ("admitted to Elm Hill General on Monday", "admitted to [PLACE] on Monday"),
        ("from San Francisco, CA to us", "from [PLACE] to us"),
        ("insurance ID is AB-56789.", "insurance ID is [ID]."),
        ("MRN 12345-NYP, patient ID 67890", "MRN [ID], patient ID [ID]"),
        ("call +46 (0)179 459 33 today", "call [CONTACT] today"),
        ("Dr. Liam Petrov. Later Petrov, and PETROV", "Dr. [NAME]. Later [NAME], and [NAME]"),
        ("seen Jan 20th '23 again", "seen [DATE] again"),
    ],
)
def test_it_finds_people_without_a_label(text: str, left: str) -> None:
    assert cleaned(text) == left


@pytest.mark.parametrize(
    ("written", "left"),
    [("Jane Ho1lings", "[NAME]"), ("J. Q. HoIlings", "[NAME]"), ("Hol-\n1ings", "[NAME]\n[NAME]"),
     ("S19 2342l", "[ID]"), ("OO48l5l6", "[ID]"), ("Hollings, Jane Q.", "[NAME]")],
)  # fmt: skip
def test_it_takes_one_character_for_another(written: str, left: str) -> None:
    assert cleaned(f"of {written} there") == f"of {left} there"


def test_a_made_report_keeps_nothing_of_its_person() -> None:
    for number in range(25):
        made = report(number, seed=3)
        spans = clean_text(made.text, made.known).spans
        covered = {at for span in spans for at in range(span.start, span.end)}
        left = [
            made.text[start:end]
            for _, start, end in made.spans
            if any(made.text[at].isalnum() and at not in covered for at in range(start, end))
        ]
        assert left == [], made.text


def test_it_keeps_the_year_of_a_date_but_not_of_an_old_birth() -> None:
    assert cleaned("Collected: 05/12/2019") == "Collected: [DATE 2019]"
    assert cleaned("born 03/07/1931") == "born [DATE]"


def test_it_shifts_dates_by_the_policy_s_days() -> None:
    text = cleaned("Biopsy 05/12/2019, excision 05/26/2019", Policy(shift_days=-40))
    assert text == "Biopsy 2019-04-02, excision 2019-04-16"


@pytest.mark.parametrize(("age", "written"), [("89", "89"), ("90", "90+"), ("91", "90+"), ("104", "90+")])
def test_it_writes_ages_above_89_as_one(age: str, written: str) -> None:
    assert cleaned(f"Age: {age}") == f"Age: {written}"


@given(st.text(max_size=300))
def test_it_keeps_lines_as_lines(text: str) -> None:
    assert cleaned(text).count("\n") == text.count("\n")


def test_it_rebuilds_a_document_from_its_text_alone(tmp_path: Path) -> None:
    source = make_docx(
        tmp_path / "a.docx",
        ["Final diagnosis", "Benign."],
        PERSON.encode(),
        table=[("Name", PERSON), ("Sex", "F")],
    )
    target = tmp_path / "b.docx"
    with target.open("wb") as file:
        write_docx(file, read_docx(source))
    with zipfile.ZipFile(target) as archive:
        assert set(archive.namelist()) == {
            "[Content_Types].xml",
            "_rels/.rels",
            "word/_rels/document.xml.rels",
            "word/styles.xml",
            "word/document.xml",
        }
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    document = docx.Document(str(target))
    assert [paragraph.text for paragraph in document.paragraphs][:2] == ["Final diagnosis", "Benign."]
    assert document.tables[0].cell(1, 1).text == "F"


def test_it_drops_deleted_and_hidden_text(tmp_path: Path) -> None:
    inner = (
        "<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:ins><w:r><w:t>added</w:t></w:r></w:ins>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>unseen</w:t></w:r></w:p>"
    )
    assert lines_as_text(read_docx(make_docx(tmp_path / "a.docx", ["x"], inner=inner))) == "x\nadded"


def test_it_cleans_a_table_by_its_labels(tmp_path: Path) -> None:
    lines = read_docx(make_docx(tmp_path / "a.docx", [], table=[("Patient Name", "Rosa Mbeki", "Sex", "F")]))
    done = text_as_lines(clean_text(lines_as_text(lines), KNOWN).text, lines)
    assert done == [Line(("Patient Name", "[NAME]", "Sex", "F"), row=True)]


def test_it_writes_the_same_bytes_for_the_same_text() -> None:
    first, second = io.BytesIO(), io.BytesIO()
    for file in (first, second):
        write_docx(file, [Line(("a <b> & c",)), Line(("x", "y"), row=True)])
    assert first.getvalue() == second.getvalue()


def test_it_refuses_macros_and_entities(tmp_path: Path) -> None:
    macros, bomb = make_docx(tmp_path / "a.docx", ["x"]), tmp_path / "b.docx"
    with zipfile.ZipFile(macros, "a") as archive:
        archive.writestr("word/vbaProject.bin", b"x")
    with zipfile.ZipFile(bomb, "w") as archive:
        archive.writestr("word/document.xml", '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')
    with pytest.raises(UnsupportedFormat):
        read_docx(macros)
    with pytest.raises(BrokenInput):
        read_docx(bomb)


@pytest.mark.parametrize("raw", [{}, {"names": []}, {"name": ["x"]}, {"names": "x"}, {"names": [1]}, []])
def test_it_refuses_known_values_that_prove_nothing(raw: object) -> None:
    with pytest.raises(BadKnownValues):
        Known.from_dict(raw)
