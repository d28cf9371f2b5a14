"""The gate as a program: its limits, its certificate, and what it says when its search dies."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deidentify.gate import __main__ as gate
from deidentify.gate.verdict import SEARCHES, program_sha256
from tests.deidentify.making import KNOWN


@pytest.fixture
def known(tmp_path: Path) -> Path:
    file = tmp_path / "known.json"
    file.write_text(json.dumps(KNOWN))
    return file


def ask(file: Path, known: Path, *more: str) -> tuple[int, dict[str, object]]:
    proof = file.with_suffix(".certificate")
    command = [sys.executable, "-m", "deidentify.gate", str(file), "--known", str(known)]
    done = subprocess.run([*command, "--certificate", str(proof), *more], capture_output=True, check=False)
    return done.returncode, json.loads(proof.read_text())


def test_it_certifies_what_it_did(tmp_path: Path, known: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("Benign prostate.")
    code, certificate = ask(file, known)
    assert (code, certificate["state"], certificate["unopened"]) == (0, "clean", [])
    assert certificate["program_sha256"] == program_sha256()
    assert certificate["searches"] == list(SEARCHES)
    assert certificate["opened"] == {"text": 1}
    assert certificate["limits"] == {"memory_mib": 4096, "cpu_s": 3000}


def test_a_file_that_takes_more_memory_than_it_may_cannot_be_judged(tmp_path: Path, known: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"benign <b>prostate</b> " * 4_000_000)
    code, certificate = ask(file, known, "--memory", "256")
    assert (code, certificate["state"]) == (2, "unknown")


def test_a_file_that_takes_more_time_than_it_may_cannot_be_judged(tmp_path: Path, known: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"benign <b>prostate</b> " * 2_000_000)
    code, certificate = ask(file, known, "--seconds", "1")
    assert (code, certificate["state"]) == (2, "unknown")
    assert "time" in str(certificate["problem"])


def test_it_speaks_for_a_search_that_died(tmp_path: Path, known: Path, monkeypatch, capsys) -> None:
    proof = tmp_path / "proof.json"

    def killed(command: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(command, -11)

    monkeypatch.setattr("deidentify.gate.__main__.subprocess.run", killed)
    assert gate.main([str(tmp_path / "a"), "--known", str(known), "--certificate", str(proof)]) == 2
    assert json.loads(proof.read_text())["state"] == "unknown"
    assert "the search died (-11)" in capsys.readouterr().out
