"""The page about exports does what it says."""

import os
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vslide
from tests.vslide.slides import brightfield, make_specimen, publish
from vslide.__main__ import main
from vslide.export import FORMATS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "exports.md").read_text(encoding="utf-8")


def test_every_command_and_example_of_the_page_works(tmp_path, monkeypatch):
    os.link(publish(tmp_path, make_specimen(brightfield())).path, tmp_path / "slide.h5")
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^    python -m vslide (.+)$", PAGE, re.MULTILINE)
    assert len(commands) == 6
    assert [main(shlex.split(command)) for command in commands] == [0] * len(commands)
    found: dict[str, Any] = {}
    (example,) = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    exec(example, found)  # noqa: S102 - our own page
    with vslide.open("slide.h5") as slide:
        assert np.array_equal(found["picture"], slide.plane(3, 0))


@pytest.mark.parametrize("kind", FORMATS)
def test_the_page_says_whom_each_format_is_for(kind):
    assert f"| `{kind}` |" in PAGE
