"""The table of docs/annotations.md: it is the code's, and the code does what it says."""

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import call_command

from annotation.exchange import FORMATS, MASKS, Carry, Property, carries, read, write
from annotation.exchange.carried import in_use, notes_on
from tests.annotation.exchanging import document_with, facts
from tests.vslide.slides import brightfield, make_specimen, publish
from vslide.__main__ import main

PAGE = (Path(__file__).parents[2] / "docs" / "annotations.md").read_text(encoding="utf-8")
SIGN = {Carry.OWN: "yes", Carry.KEPT: "beside", Carry.LOST: "no"}


def test_the_page_has_the_table_of_the_code():
    rows = [
        f"| {wanted} | {' | '.join(SIGN[carries(target, wanted)] for target in (*FORMATS, *MASKS))} |"
        for wanted in Property
    ]
    assert [row for row in rows if row not in PAGE] == []
    assert f"| | {' | '.join(f'`{target}`' for target in (*FORMATS, *MASKS))} |" in PAGE


@pytest.mark.parametrize("wanted", Property)
@pytest.mark.parametrize("target", FORMATS)
def test_a_format_carries_what_the_table_says(wanted, target):
    given = document_with(wanted)
    assert wanted in in_use(given)
    written = write(given, target)
    said = carries(target, wanted)
    assert any(f"cannot carry {wanted}" in note for note in written.notes) == (said is Carry.LOST)
    assert any(f"no word for {wanted}" in note for note in written.notes) == (said is Carry.KEPT)
    back = read(written.content)
    if said is Carry.LOST:
        assert back.shapes != given.shapes
    else:
        assert facts(back, target) == facts(given, target)


@pytest.mark.parametrize("wanted", Property)
def test_a_mask_lists_what_it_cannot_carry(wanted):
    for target in MASKS:
        notes = " ".join(notes_on(document_with(wanted), target))
        assert (f"cannot carry {wanted}: lost" in notes) == (carries(target, wanted) is Carry.LOST)


def test_every_command_of_the_page_runs(tmp_path, monkeypatch, capsys):
    """In the order of the page, each on what those before it wrote."""
    drawn = document_with(Property.PARTS)
    (tmp_path / "drawing.xml").write_bytes(write(drawn, "imagescope").content)
    slide = publish(tmp_path, make_specimen(brightfield())).path
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(slide), "slide-dicom", "--format", "dicom"]) == 0
    commands = re.findall(r"^    \./nocturne manage (convert_annotations .+)$", PAGE, re.MULTILINE)
    assert len(commands) >= 9
    for command in commands:
        name, *options = shlex.split(command)
        call_command(name, *options)
        assert (tmp_path / options[1]).exists() or "--each-label" in options, command
    assert capsys.readouterr().out.count("annotations written") == len(commands)
