"""Each call to the disk fails once: the whole campaign."""

import json
from pathlib import Path

import pytest

from tests.faults.__main__ import main

KINDS = (
    "create", "write", "truncate", "fdatasync", "fsync", "link", "rename", "unlink", "mkdir", "rmdir",
    "fsync of a directory",
)  # fmt: skip


@pytest.mark.timeout(240)
def test_it_loses_nothing_when_any_one_call_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "calls.json"
    assert main(["calls", "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    assert (found["lost"], found["unreadable"], found["silent"], found["problems"]) == (0, 0, 0, [])
    assert min(found[kind] for kind in KINDS) > 0
    assert found["tried"] == sum(found[kind] for kind in KINDS) + 2 * found["write"]
    assert capsys.readouterr().out.splitlines()[-1].startswith("calls: ")
