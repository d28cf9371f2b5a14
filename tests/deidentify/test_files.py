import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from deidentify import files
from deidentify.errors import (
    AlreadyThere,
    BadKnownValues,
    BrokenInput,
    DeidentifyError,
    GateFailed,
    GateRefused,
    NoSpace,
    UnsupportedFormat,
)
from deidentify.files import deidentify_file
from deidentify.known import Known
from tests.deidentify.making import ENCODINGS, KNOWN, PERSON, make_docx, make_svs

KNOWN_VALUES = Known.from_dict(KNOWN)


def test_it_publishes_a_slide_that_passed(tmp_path: Path) -> None:
    outcome = deidentify_file(
        make_svs(tmp_path / "a.svs", PERSON.encode()), tmp_path / "out.svs", KNOWN_VALUES
    )
    assert outcome.certificate["state"] == "clean"
    assert outcome.certificate["sha256"] == outcome.sha256
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.svs", "out.svs"]
    assert "Vandermeer" not in json.dumps(outcome.report())


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_it_publishes_a_document_without_its_hidden_places(tmp_path: Path, encoding: str) -> None:
    source = make_docx(
        tmp_path / "a.docx", [f"Patient: {PERSON}", "Benign prostate."], ENCODINGS[encoding](PERSON)
    )
    deidentify_file(source, tmp_path / "out.docx", KNOWN_VALUES)
    assert (tmp_path / "out.docx").exists()


def test_it_publishes_no_text_that_hides_a_name(tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_bytes(b"attached: " + ENCODINGS["base64"](PERSON))
    with pytest.raises(GateRefused) as stop:
        deidentify_file(source, tmp_path / "out.txt", KNOWN_VALUES)
    assert "Vandermeer" not in str(stop.value)
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", b"%PDF-1.7 x"),
        ("a.rtf", b"{\\rtf1"),
        ("a.docx", b"no zip"),
        ("a.h5", b"\x89HDF\r\n\x1a\nxx"),
    ],
)
def test_it_refuses_what_it_has_no_rule_for(tmp_path: Path, name: str, content: bytes) -> None:
    source = tmp_path / name
    source.write_bytes(content)
    with pytest.raises((UnsupportedFormat, BrokenInput)):
        deidentify_file(source, tmp_path / "out", KNOWN_VALUES)
    assert not (tmp_path / "out").exists()


def test_it_takes_relative_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text(f"Seen: {PERSON}. Benign.")
    deidentify_file(Path("a.txt"), Path("out.txt"), KNOWN_VALUES)
    assert Path("out.txt").read_text() == "Seen: [NAME]. Benign."


def test_it_never_replaces_a_file(tmp_path: Path) -> None:
    source, out = tmp_path / "a.txt", tmp_path / "out.txt"
    source.write_text("Benign.")
    out.write_text("older")
    with pytest.raises(AlreadyThere):
        deidentify_file(source, out, KNOWN_VALUES)
    assert out.read_text() == "older"


def test_it_publishes_nothing_when_the_gate_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "a.txt"
    source.write_text("Benign.")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(GateFailed) as stop:
        deidentify_file(source, tmp_path / "out.txt", KNOWN_VALUES)
    assert stop.value.retryable
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_it_publishes_nothing_of_an_input_that_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "a.txt"
    source.write_text("Benign.")
    digests = iter("ab")
    monkeypatch.setattr(files, "_sha256", lambda path: next(digests))
    with pytest.raises(BrokenInput, match="changed"):
        deidentify_file(source, tmp_path / "out.txt", KNOWN_VALUES)
    assert not (tmp_path / "out.txt").exists()


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, NoSpace), (errno.EFBIG, NoSpace), (errno.EIO, BrokenInput)]
)
def test_a_disk_that_refuses_is_named_whoever_says_it_again(number: int, kind: type[Exception]) -> None:
    said_again = OSError(f"With tag (7FE0,0010) got exception: {__file__}")
    said_again.__cause__ = OSError(number, os.strerror(number))
    with pytest.raises(kind) as stop, files._storage_errors():
        raise said_again
    assert __file__ not in str(stop.value)


def test_it_leaves_no_output_when_killed(tmp_path: Path) -> None:
    source, known, out = (
        make_svs(tmp_path / "a.svs", PERSON.encode()),
        tmp_path / "k.json",
        tmp_path / "out.svs",
    )
    known.write_text(json.dumps(KNOWN))
    script = (
        "import sys\nfrom pathlib import Path\nfrom deidentify.files import deidentify_file\n"
        "from deidentify.known import Known\n"
        "deidentify_file(Path(sys.argv[1]), Path(sys.argv[2]), Known.read(Path(sys.argv[3])))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(source), str(out), str(known)], start_new_session=True
    )
    deadline = time.monotonic() + 30
    while (
        not list(tmp_path.glob(".nocturne-*.draft"))
        and process.poll() is None
        and time.monotonic() < deadline
    ):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not out.exists()
    assert deidentify_file(source, out, KNOWN_VALUES).bytes == out.stat().st_size
    assert not list(tmp_path.glob(".nocturne-*"))


def test_its_command_says_one_line_and_leaves_no_output(tmp_path: Path) -> None:
    source, known = make_svs(tmp_path / "a.svs", key="Favourite", title="x"), tmp_path / "k.json"
    known.write_text(json.dumps(KNOWN))
    with pytest.raises(CommandError, match="Favourite") as stop:
        call_command(
            "deidentify",
            str(source),
            str(tmp_path / "out.svs"),
            "--known",
            str(known),
            "--report",
            str(tmp_path / "r.json"),
        )
    assert "\n" not in str(stop.value)
    assert not (tmp_path / "out.svs").exists()
    assert json.loads((tmp_path / "r.json").read_text())["code"] == "unknown_content"


def test_its_search_command_exits_with_the_gate_s_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, known = make_svs(tmp_path / "a.svs", PERSON.encode()), tmp_path / "k.json"
    known.write_text(json.dumps(KNOWN))
    with pytest.raises(SystemExit) as stop:
        call_command("phi_search", str(source), "--known", str(known))
    assert stop.value.code == 1
    assert "tag 315: names[0] (ascii" in capsys.readouterr().out
    call_command("deidentify", str(source), str(tmp_path / "out.svs"), "--known", str(known))
    call_command("phi_search", str(tmp_path / "out.svs"), "--known", str(known))


def test_it_asks_for_values_that_can_be_searched(tmp_path: Path) -> None:
    known = tmp_path / "k.json"
    known.write_text("{}")
    with pytest.raises(BadKnownValues):
        Known.read(known)
    with pytest.raises(DeidentifyError):
        Known.read(tmp_path / "none.json")
