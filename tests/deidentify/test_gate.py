import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from deidentify.gate.judge import judge
from deidentify.gate.needles import Finder, Grade
from deidentify.gate.values import parse_known, spellings
from deidentify.gate.verdict import Verdict
from tests.deidentify.making import (
    ENCODINGS,
    KNOWN,
    PERSON,
    TAGS,
    inner_archive,
    make_docx,
    make_svs,
    png_with,
)

SVS_PLACES = {f"directory 0 tag {code}" for code in (*TAGS.values(), 34675)} | {
    "directory 1 tag 270", "directory 3 tag 270", "directory 4 tag 270", "directory 5 tag 270",
    "directory 0 tile 0>comments", "directory 0 tile 1>comments", "directory 0 tile 2>comments",
    "unreferenced bytes",
}  # fmt: skip


def search(path: Path, known: dict[str, list[str]] | None = None) -> Verdict:
    return judge(path, parse_known(json.dumps(known or KNOWN)))


def text(tmp_path: Path, content: bytes) -> Verdict:
    file = tmp_path / "x.txt"
    file.write_bytes(content)
    return search(file)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_it_finds_each_of_nineteen_places_of_a_slide(tmp_path: Path, encoding: str) -> None:
    slide = make_svs(tmp_path / "a.svs", ENCODINGS[encoding](PERSON))
    found = {hit.place for hit in search(slide).hits}
    assert not {place for place in SVS_PLACES if not any(one.startswith(place) for one in found)}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_it_finds_each_hidden_place_of_a_document(tmp_path: Path, encoding: str) -> None:
    document = make_docx(tmp_path / "a.docx", ["Benign."], ENCODINGS[encoding](PERSON))
    found = " ".join(hit.place for hit in search(document).hits)
    wanted = (
        "core",
        "app",
        "custom.xml",
        "comments",
        "header1",
        "footer1",
        "people",
        "settings",
        "item1",
        "glossary",
        "image1",
        "note",
    )
    assert [place for place in wanted if place not in found] == []


@pytest.mark.parametrize(
    "value",
    [
        "00481516",
        "481516",
        "0048-1516",
        "03/09/1957",
        "9 March 1957",
        "19570309",
        "Mar 9, 1957",
        "VANDERMEER",
    ],
)
def test_it_finds_a_value_in_its_spellings(tmp_path: Path, value: str) -> None:
    assert text(tmp_path, f"of {value}; later".encode()).state == "found"


@pytest.mark.parametrize(
    "content", [b"Quentinite is a mineral 57309", b"300481516", b"13/09/19574", b"an unremarkable prostate"]
)
def test_it_leaves_other_words_alone(tmp_path: Path, content: bytes) -> None:
    verdict = judge_text(tmp_path, content, {"names": ["Ann Lee"], "dates": ["1957-03-09"]})
    assert verdict.state == "clean"


def judge_text(tmp_path: Path, content: bytes, known: dict[str, list[str]]) -> Verdict:
    file = tmp_path / "y.txt"
    file.write_bytes(content)
    return search(file, known)


def test_it_finds_short_names_as_words_only(tmp_path: Path) -> None:
    known = {"names": ["Ann Lee"]}
    assert judge_text(tmp_path, b"annulled sleeve bleed", known).state == "clean"
    assert judge_text(tmp_path, b"told LEE so", known).state == "found"
    assert judge_text(tmp_path, b"bm90ZSBmb3IgTGVlIG5vdw==", known).state == "found"


def test_it_finds_a_name_cut_into_runs(tmp_path: Path) -> None:
    inner = "<w:p><w:r><w:t>Quentin Vander</w:t></w:r><w:r><w:t>meer</w:t></w:r></w:p>"
    assert any("text" in hit.place for hit in search(make_docx(tmp_path / "a.docx", [], inner=inner)).hits)


def test_it_opens_containers_in_containers(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(inner_archive(inner_archive(png_with(PERSON.encode()))))
    assert any("zTXt" in hit.place for hit in search(archive).hits)


def test_it_reads_barcodes_of_small_pictures(tmp_path: Path) -> None:
    code = np.array(
        zxingcpp.write_barcode_to_image(
            zxingcpp.create_barcode("unknown 77", zxingcpp.BarcodeFormat.QRCode), scale=6
        )
    )
    file = tmp_path / "a.png"
    Image.fromarray(code.astype(np.uint8)).save(file)
    assert [hit.encoding for hit in search(file).hits] == ["barcode"]


def test_it_judges_no_format_that_it_does_not_know(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(bytes(range(256)) * 9)
    assert search(file).state == "unknown"
    file.write_bytes(b"")
    assert search(file).state == "unknown"


@pytest.mark.parametrize("cut", [9, 200, 3000])
def test_it_judges_no_broken_slide(tmp_path: Path, cut: int) -> None:
    slide = make_svs(tmp_path / "a.svs")
    slide.write_bytes(slide.read_bytes()[:cut])
    assert search(slide).state in ("unknown", "found")


def test_it_writes_no_value_into_its_certificate(tmp_path: Path) -> None:
    certificate = json.dumps(search(make_svs(tmp_path / "a.svs", PERSON.encode())).certificate())
    assert "Vandermeer" not in certificate
    assert "names[0]" in certificate


def test_it_does_not_mistake_a_colour_for_a_surname(tmp_path: Path) -> None:
    known = {"names": ["Mark Green"]}
    assert judge_text(tmp_path, b"inked green at the margin", known).state == "clean"
    assert judge_text(tmp_path, b"Seen with Mrs Green", known).state == "found"


def test_it_speaks_by_its_exit_code(tmp_path: Path) -> None:
    known, clean, bad = tmp_path / "k.json", tmp_path / "clean.txt", tmp_path / "bad.txt"
    known.write_text(json.dumps(KNOWN))
    clean.write_text("Benign prostate.")
    bad.write_text("Seen: Vandermeer")

    def run(*arguments: str) -> int:
        return subprocess.run(
            [sys.executable, "-m", "deidentify.gate", *arguments], capture_output=True, check=False
        ).returncode

    assert [run(str(file), "--known", str(known)) for file in (clean, bad, tmp_path / "none.txt")] == [
        0,
        1,
        2,
    ]
    known.write_text('{"nmes": ["x"]}')
    assert run(str(clean), "--known", str(known)) == 2


def test_it_knows_the_days_of_a_date() -> None:
    texts = {spelling.text for spelling in spellings(parse_known('{"dates": ["03/09/1957"]}'))}
    assert {"1957-03-09", "March 9, 1957", "09.03.1957", "3/9/57", "9th of March 1957"} <= texts


def test_it_shares_no_code_with_what_it_judges() -> None:
    folder = Path(judge.__code__.co_filename).parent
    imported = {
        node.module or ""
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
    }
    ours = ("deidentify", "vslide", "core", "lims", "viewer", "django")
    assert not {name for name in imported if name.startswith(ours) and not name.startswith("deidentify.gate")}


def test_it_takes_no_short_word_for_a_name_backwards() -> None:
    known = {"names": ["Elif Yildiz"], "identifiers": [], "dates": [], "other": []}
    matches = Finder(spellings(known)).search(b"file, name; zidliy", Grade.TEXT)
    assert [match.needle.data for match in matches if match.needle.encoding == "reversed"] == [b"zidliy"]
