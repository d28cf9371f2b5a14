"""`./nocturne check`, `help` and the words they print."""

import subprocess
import sys
from pathlib import Path

import pytest

from config.lab.checks import Check, checks, run_all
from config.lab.layout import CHECKOUT


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_it_runs_every_check_also_after_a_failure() -> None:
    said: list[str] = []
    table = [Check("first", python("raise SystemExit('a clear reason')")), Check("second", python("pass"))]
    assert not run_all(table, said.append)
    assert said[0].startswith("FAIL  first")
    assert said[1].strip() == "a clear reason"
    assert said[2].startswith("ok    second")
    assert said[3] == "1 of 2 checks passed; failed: first"


def test_it_says_when_a_tool_is_missing(tmp_path: Path) -> None:
    said: list[str] = []
    assert not run_all([Check("gone", (str(tmp_path / "gone"),))], said.append)
    assert "No such file" in said[1]


def test_it_checks_in_an_empty_laboratory_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOCTURNE_VAR", "/nowhere/at/all")
    said: list[str] = []
    look = "from os import environ, listdir; assert listdir(environ['NOCTURNE_VAR']); assert environ['HTTPS']"
    assert run_all([Check("look", python(look))], said.append), said


def test_it_names_all_the_tools_of_the_house() -> None:
    names = {check.name for check in checks()}
    assert {"ruff", "ruff format", "mypy", "import contracts", "migrations", "system checks", "tsc"} <= names


def test_the_command_lists_what_it_can_do() -> None:
    helped = subprocess.run([CHECKOUT / "nocturne", "help"], capture_output=True, text=True, check=True)
    for command in ("demo", "up", "down", "status", "manage", "test", "check", "bench", "faults"):
        assert f"./nocturne {command}" in helped.stdout


def test_the_command_refuses_what_it_does_not_know() -> None:
    done = subprocess.run([CHECKOUT / "nocturne", "upp"], capture_output=True, text=True, check=False)
    assert done.returncode == 64
    assert "there is no command 'upp'" in done.stderr
