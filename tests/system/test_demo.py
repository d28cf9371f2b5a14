"""The demonstration as anybody starts it: a fresh laboratory, a night, a morning, a release; then nothing
is left running.
"""

import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.system.laboratory import Laboratory

SLIDES = 8
FLAWED = {"stage_fault": 1, "jam": 1}  # every fourth glass, by the simulator's own turn


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `./nocturne demo` said at its end, and where it was."""
    var = tmp_path_factory.mktemp("demo") / "var"
    laboratory = Laboratory(var, SCANNER_FAILURE_RATE="0", SIMULATED_FLAW_EVERY="4")
    file = var.parent / "out.json"
    done = laboratory.command(
        "demo", "--slides", str(SLIDES), "--seed", "7", "--headless", "--json", str(file)
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:] + laboratory.logs()
    laboratory.assert_nothing_is_left()
    said: dict[str, Any] = json.loads(file.read_text())
    return said | {"var": var}


def test_every_slide_is_accounted_for_and_nothing_is_lost(demo: dict[str, Any]):
    assert demo["published"] + demo["failed"] + demo["skipped"] == demo["slides"] == SLIDES
    assert (demo["lost_fields"], demo["phi_hits"]) == (0, 0)
    assert demo["deidentified"] == demo["read"] == demo["released"] == demo["published"]


def test_what_failed_at_first_was_scanned_again(demo: dict[str, Any]):
    assert demo["causes"] == FLAWED
    assert (demo["rescans"], demo["failed"]) == (sum(FLAWED.values()), 0)


def test_every_file_of_the_release_is_what_its_manifest_says(demo: dict[str, Any]):
    release = Path(demo["release_path"])
    stated: dict[str, str] = {}
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        stated |= {
            path: digest for digest, path in (line.split("  ", 1) for line in _lines(release / manifest))
        }
    found = {path.relative_to(release).as_posix(): path for path in release.rglob("*") if path.is_file()}
    assert found.keys() - stated.keys() == {"tagmanifest-sha256.txt"}
    assert {path: hashlib.sha256(found[path].read_bytes()).hexdigest() for path in stated} == stated
    assert sum(path.endswith(".h5") for path in stated) == demo["released"]


def test_no_file_of_the_release_holds_what_the_record_knows_of_a_person(demo: dict[str, Any]):
    record = sqlite3.connect(f"file:{demo['var']}/nocturne.sqlite3?mode=ro", uri=True)
    known = record.execute("SELECT mrn FROM lims_patient UNION SELECT accession FROM lims_case").fetchall()
    record.close()
    assert len(known) > 4
    for path in (path for path in Path(demo["release_path"]).rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert not [value for (value,) in known if value.encode() in content], path


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()
