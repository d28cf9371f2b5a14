"""The page about the tools does what it says."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.vslide.slides import make_header, make_specimen, publish
from vslide.__main__ import COMMANDS, main
from vslide.manifest import manifest_path

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "slides.md").read_text(encoding="utf-8")


@pytest.fixture
def slide_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = publish(tmp_path / "made", make_specimen(make_header(rows=2, columns=3))).path
    here = tmp_path / "here"
    here.mkdir()
    shutil.copyfile(made, here / "slide.h5")
    shutil.copyfile(manifest_path(made), here / "slide.manifest.json")
    monkeypatch.chdir(here)
    return here


def test_every_command_and_example_of_the_page_works(slide_here, monkeypatch):
    for name, value in re.findall(r"^    export (\w+)=(\S+)$", PAGE, re.MULTILINE):
        monkeypatch.setenv(name, str(slide_here / value))
    commands = re.findall(r"^    python -m vslide (.+)$", PAGE, re.MULTILINE)
    assert len(commands) == 11
    assert {command: main(shlex.split(command)) for command in commands} == dict.fromkeys(commands, 0)
    (example,) = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    exec(example, {})  # noqa: S102 - our own page


def test_the_page_names_no_command_that_is_not_there():
    named = set(re.findall(r"python -m vslide ([a-z-]+)", PAGE))
    assert named <= COMMANDS.keys()
