"""Reports of every kind, from the file that came to the file that leaves."""

import json
import sys
from pathlib import Path

import docx
import pytest
from django.core.management import CommandError, call_command

from deidentify.errors import BrokenInput, UnsupportedFormat
from deidentify.files import deidentify_file, text_of
from deidentify.known import Known
from deidentify.reports.reading import read_report
from tests.deidentify.making import KNOWN, PERSON, make_docx
from tests.deidentify.reading.making import encapsulated, oru, pdf, rtf

KNOWN_VALUES = Known.from_dict(KNOWN)
TOLD = [f"Patient: {PERSON}", "MRN 00481516, born 03/09/1957", "Gleason score 3+4=7 in two of twelve cores"]
MADE = {
    "a.pdf": pdf(TOLD),
    "a.rtf": rtf(TOLD),
    "a.hl7": oru(TOLD),
    "b.hl7": oru(["See document"], more=[encapsulated(pdf(TOLD))]),
    "a.txt": "\n".join(TOLD).encode(),
}


@pytest.mark.parametrize("form", [".docx", ".txt"])
@pytest.mark.parametrize("name", sorted(MADE))
def test_it_makes_a_clean_report_of_every_kind(tmp_path: Path, name: str, form: str) -> None:
    source, out = tmp_path / name, tmp_path / f"out{form}"
    source.write_bytes(MADE[name])
    outcome = deidentify_file(source, out, KNOWN_VALUES)
    told = text_of(out)
    assert "Patient: [NAME]\nMRN [ID], born [DATE 1957]\nGleason score 3+4=7 in two of twelve cores" in told
    assert outcome.certificate["state"] == "clean"
    assert outcome.work["replaced"]["NAME"] == 1


def test_it_seeks_whom_the_message_names_itself(tmp_path: Path) -> None:
    source = tmp_path / "a.hl7"
    source.write_bytes(oru(["Okafor was told of the finding", "Sent to 12 Elm Street"]))
    deidentify_file(source, tmp_path / "out.txt", Known(names=("Someone Else",)))
    assert (tmp_path / "out.txt").read_text() == "[NAME] was told of the finding\nSent to [OTHER]"


@pytest.mark.parametrize("name", ["out.pdf", "out.rtf", "out", "out.doc"])
def test_it_refuses_to_write_another_kind(tmp_path: Path, name: str) -> None:
    source = tmp_path / "a.pdf"
    source.write_bytes(MADE["a.pdf"])
    with pytest.raises(UnsupportedFormat, match=r"written as \.docx or \.txt"):
        deidentify_file(source, tmp_path / name, KNOWN_VALUES)


def test_its_command_takes_a_pdf(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, known, out = tmp_path / "a.pdf", tmp_path / "k.json", tmp_path / "out.docx"
    source.write_bytes(MADE["a.pdf"])
    known.write_text(json.dumps(KNOWN))
    call_command("deidentify", str(source), str(out), "--known", str(known))
    assert "pdf:" in capsys.readouterr().out
    assert docx.Document(str(out)).paragraphs[0].text == "Patient: [NAME]"
    with pytest.raises(CommandError, match=r"\.docx or \.txt"):
        call_command("deidentify", str(source), str(tmp_path / "out.pdf"), "--known", str(known))


def test_headers_notes_and_comments_of_a_document_are_made_clean(tmp_path: Path) -> None:
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = f"{PERSON} · Department of Pathology"
    document.sections[0].footer.paragraphs[0].text = "MRN 00481516"
    paragraph = document.add_paragraph("Benign.")
    document.add_comment(paragraph.runs, text="Ki-67 repeated", author=PERSON, initials="QV")
    document.save(str(tmp_path / "a.docx"))
    deidentify_file(tmp_path / "a.docx", tmp_path / "out.txt", KNOWN_VALUES)
    lines = (tmp_path / "out.txt").read_text().splitlines()
    assert lines == ["[NAME] · Department of Pathology", "Benign.", "Ki-67 repeated", "MRN [ID]"]


def test_a_part_that_nothing_refers_to_stays_behind(tmp_path: Path) -> None:
    source = make_docx(tmp_path / "a.docx", ["Benign."], b"Quentin Vandermeer")
    assert text_of(source) == "Benign."


def test_a_file_that_ends_its_reader_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "a.pdf"
    source.write_bytes(MADE["a.pdf"])
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BrokenInput, match="safely"):
        read_report(source, "pdf")
    monkeypatch.undo()
    source.unlink()
    with pytest.raises(BrokenInput, match="cannot be read"):
        read_report(source, "pdf")


def test_a_word_without_end_is_refused_and_wide_gaps_are_narrowed(tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("x" * 2000)
    with pytest.raises(BrokenInput, match="word"):
        deidentify_file(source, tmp_path / "out.txt", KNOWN_VALUES)
    source.write_text("Benign." + " " * 5000 + "Margins" + "\n\t" * 5000 + "free.")
    deidentify_file(source, tmp_path / "out.txt", KNOWN_VALUES)
    assert (tmp_path / "out.txt").read_text().split() == ["Benign.", "Margins", "free."]
