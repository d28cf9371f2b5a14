import importlib.util
import io
import shutil

import pytest
from pypdf import PdfReader, PdfWriter

from deidentify.errors import BrokenInput, LockedInput, OcrMissing, UnsupportedFormat
from deidentify.reports.reading import as_text, kind_of
from deidentify.reports.reading.hl7 import read_hl7
from deidentify.reports.reading.ocr import Piece, in_lines, spaced
from deidentify.reports.reading.pdf import UNREAD, read_pdf
from deidentify.reports.reading.rtf import read_rtf
from tests.deidentify.reading.making import encapsulated, oru, pdf, rtf, scanned

engine = pytest.mark.skipif(
    importlib.util.find_spec("rapidocr_onnxruntime") is None and shutil.which("tesseract") is None,
    reason="no engine reads pictures here (the extra ocr, or tesseract)",
)


def test_it_reads_the_pages_of_a_pdf_in_order() -> None:
    read = read_pdf(pdf(["Final diagnosis", "Gleason 3+4=7 (grade group 2)"], ["Page two: benign prostate."]))
    assert as_text(read.lines) == "Final diagnosis\nGleason 3+4=7 (grade group 2)\nPage two: benign prostate."
    assert read.work == {"pages": 2, "scanned_pages": 0, "pictures_left_out": 0}


def test_it_leaves_a_pdf_s_other_texts_behind() -> None:
    writer = PdfWriter(PdfReader(io.BytesIO(pdf(["Benign prostate, all cores seen."]))))
    writer.add_metadata({"/Author": "Quentin Vandermeer"})
    writer.add_attachment("note.txt", b"Quentin Vandermeer")
    store = io.BytesIO()
    writer.write(store)
    assert as_text(read_pdf(store.getvalue()).lines) == "Benign prostate, all cores seen."


@engine
def test_it_reads_a_scanned_page() -> None:
    read = read_pdf(scanned(["Patient: Quentin Vandermeer", "Gleason score 3+4=7", "MRN 00481516"]))
    text = as_text(read.lines)
    assert "Vandermeer" in text
    assert "Gleason" in text
    assert "00481516" in text
    assert read.work["scanned_pages"] == 1


def test_a_scanned_page_says_so_where_it_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    page = scanned(["Benign."])
    assert as_text(read_pdf(page, ocr=False).lines) == UNREAD
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(OcrMissing, match="install") as stop:
        read_pdf(page)
    assert not stop.value.retryable


def test_pieces_of_a_page_become_lines() -> None:
    pieces = [Piece(300, 11, 29, "MRN: 77"), Piece(10, 10, 30, "Name: Bell"), Piece(10, 40, 60, "Benign")]
    assert in_lines(pieces) == ["Name: Bell   MRN: 77", "Benign"]


@pytest.mark.parametrize(
    ("glued", "words"),
    [("QuentinVandermeer", "Quentin Vandermeer"), ("MRN00481516", "MRN 00481516"),
     ("Name:Bell", "Name: Bell"),
     ("pT2aN0", "pT2aN0"), ("McBride", "McBride"), ("S19-23421", "S19-23421"), ("3:4", "3:4")],
)  # fmt: skip
def test_words_that_an_engine_glues_are_parted(glued: str, words: str) -> None:
    assert spaced(glued) == words


def test_it_refuses_a_locked_pdf() -> None:
    writer = PdfWriter(PdfReader(io.BytesIO(pdf(["Benign."]))))
    writer.encrypt("secret", algorithm="AES-256")
    store = io.BytesIO()
    writer.write(store)
    with pytest.raises(LockedInput, match="password"):
        read_pdf(store.getvalue())


@pytest.mark.parametrize("data", [b"%PDF-1.7 x", b"", pdf()])
def test_it_refuses_a_broken_pdf(data: bytes) -> None:
    with pytest.raises(BrokenInput):
        read_pdf(data)


def test_it_reads_the_words_of_an_rtf() -> None:
    inner = (
        r"{\header Hidden header}{\*\generator Secret}{\object\objdata 00ff}"
        r"{\pict\pngblip 89504e47}"
        r"\par caf\'e9 \u8211? \u-10179?\u-8704? end\par\trowd Name\cell Bell\cell\row after"
    )
    text = as_text(read_rtf(rtf(["Gleason 3+4", "Benign"], inner=inner)).lines)
    assert text == "Gleason 3+4\nBenign\ncafé – 😀 end\nName\tBell\nafter"


def test_a_row_of_an_rtf_table_is_a_row() -> None:
    lines = read_rtf(rtf(["x"], inner=r"\par Name\cell Bell\cell\row")).lines
    assert [(line.cells, line.row) for line in lines][1] == (("Name", "Bell"), True)


@pytest.mark.parametrize("data", [b"plain", b"{\\rtf1 {\\pict\\bin99999 x}}", b"{\\rtf1 " + b"{" * 300_000])
def test_it_refuses_an_rtf_that_is_none_or_too_much(data: bytes) -> None:
    with pytest.raises(BrokenInput):
        read_rtf(data)


def test_it_joins_the_results_of_a_message_and_nothing_else() -> None:
    more = ["NTE|1||read twice", "OBX|3|FT|x||one\\.br\\two \\T\\ three \\F\\ \\X41\\~again"]
    read = read_hl7(oru(["Gleason 3+4=7", "Benign"], more=more))
    assert as_text(read.lines) == "Gleason 3+4=7\nBenign\nread twice\none\ntwo & three | A\nagain"


def test_it_hears_whom_a_message_names() -> None:
    said = read_hl7(oru(["Benign"])).said
    assert said.names == ("Quentin A Vandermeer", "Amara Okafor", "Lena Weiss")
    assert said.identifiers == ("00481516", "P77123", "F88456")
    assert said.dates == ("1957-03-09",)
    assert said.other == ("(215)555-1234", "12 Elm Street")


def test_it_reads_lines_that_a_sender_broke_and_windows_line_ends() -> None:
    message = oru(["first\nsecond", "third"]).replace(b"\r", b"\r\n")
    assert as_text(read_hl7(message).lines) == "first\nsecond\nthird"


def test_it_reads_documents_in_a_message() -> None:
    more = [encapsulated(pdf(["Benign prostate tissue, twelve cores."])), encapsulated(rtf(["Comment"]))]
    read = read_hl7(oru(["See document"], more=more))
    assert as_text(read.lines) == "See document\nBenign prostate tissue, twelve cores.\nComment"
    assert read.work["documents"] == 2


@pytest.mark.parametrize(
    "message",
    [oru(["x"]) + b"\r" + oru(["y"]), b"BHS|^~\\&|x\r" + oru(["x"]), oru(["x"], kind="ADT^A01"),
     oru(["x"], more=["PID|2||9"]), oru([], more=[encapsulated(b"GIF89a")]),
     oru([], more=["OBX|1|RP|x||p^q"]),
     oru([], more=["OBX|1|ED|x||a^b^c^Hex^00"])],
)  # fmt: skip
def test_it_refuses_what_is_no_report_of_one_person(message: bytes) -> None:
    with pytest.raises((UnsupportedFormat, BrokenInput)):
        read_hl7(message)


@pytest.mark.parametrize(
    "message", [b"MSH", b"MSH|||||x", oru([]), oru([], more=["OBX|1|ED|x||a^b^c^Base64^!!"])]
)
def test_it_refuses_a_broken_message(message: bytes) -> None:
    with pytest.raises(BrokenInput):
        read_hl7(message)


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [("a.txt", b"MSH|^~\\&|", "hl7"), ("a.bin", b"\x0bMSH|^~\\&|", "hl7"), ("a.doc", b"{\\rtf1", "rtf"),
     ("a", b"%PDF-1.7", "pdf"), ("a.txt", b"Benign", "text"), ("a.txt", b"MSH was seen", "text"),
     ("a.docx", b"PK\x03\x04", "docx"), ("a.zip", b"PK\x03\x04", None), ("a.txt", b"as %PDF- says", "text")],
)  # fmt: skip
def test_it_knows_a_report_by_its_first_bytes(name: str, head: bytes, kind: str | None) -> None:
    assert kind_of(name, head) == kind
