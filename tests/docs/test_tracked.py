"""What is committed: no address of a registry, no path of somebody's machine, no packed code, a licence."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MACHINE = re.compile(rb"/(?:home|Users|work|root)/[a-z]")
REGISTRY = re.compile(
    rb"(?:files\.pythonhosted\.org|pypi\.org/simple|registry\.npmjs\.org|index-url|\"resolved\":)"
)
SECRET = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|AKIA[0-9A-Z]{16}")
LARGEST = 1_000_000


def tracked() -> list[Path]:
    """The committed files and those that would be committed with the next change."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


@pytest.mark.parametrize("pattern", [MACHINE, REGISTRY, SECRET], ids=["machine", "registry", "secret"])
def test_it_holds_nothing_of_a_machine(pattern: re.Pattern[bytes]) -> None:
    found = {
        f"{file.relative_to(ROOT)}: {hit[0].decode(errors='replace')}"
        for file in tracked()
        if file != Path(__file__) and (hit := pattern.search(file.read_bytes()))
    }
    assert found == set()


def test_it_holds_no_large_file_and_no_packed_code() -> None:
    files = tracked()
    assert [file.name for file in files if file.stat().st_size > LARGEST] == []
    assert [
        file.name for file in files if re.search(r"\.min\.(js|css)$|\.whl$|\.so$|\.pyc$", file.name)
    ] == []


def test_it_is_licensed() -> None:
    words = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert words.lstrip().startswith("Apache License\n                           Version 2.0, January 2004")
    assert "END OF TERMS AND CONDITIONS" in words
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
