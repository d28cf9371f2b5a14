"""What the documents say is so: commands, settings, files and links exist, drawn tables are current."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from config.lab.layout import open_lab
from config.lab.processes import processes
from lims.life_page import page

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = {"", "bash", "sh", "console"}
UPPER = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`")
PATHS = re.compile(r"`((?:[\w.-]+/)+[\w.-]*\.(?:py|md|js|css|toml|html|yaml))`")


def words(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def commands(file: Path) -> set[str]:
    """Every command that a page names: in fenced blocks and in running text."""
    blocks = [
        line for kind, body in BLOCK.findall(words(file)) if kind in SHELL for line in body.splitlines()
    ]
    inline = re.findall(r"`(\.?/?(?:nocturne|python -m)[^`]*)`", words(file))
    lines = (line.partition("#")[0].strip().removeprefix("$ ") for line in [*blocks, *inline])
    return {line for line in lines if line.startswith(("./nocturne", "python -m", ".venv/bin/python"))}


def known_subcommands() -> set[str]:
    """The words that the `case` of ./nocturne takes."""
    script = words(ROOT / "nocturne")
    cases = re.findall(r"^    ([a-z][a-z -|]*)\)$", script, re.MULTILINE)
    return {word.strip() for case in cases for word in case.split("|")}


def unknown(line: str) -> str:
    """What in this command does not exist; empty when all of it does."""
    parts = line.split()
    if parts[0] == "./nocturne":
        sub = parts[1] if len(parts) > 1 else "help"
        if sub not in known_subcommands() and sub not in {"NAME", "…"}:
            return sub
        verb = parts[2] if sub == "manage" and len(parts) > 2 else ""
        return "" if verb in {"", "…", "..."} or verb in get_commands() else verb
    if parts[1:2] == ["-m"]:
        module = ROOT / parts[2].replace(".", "/")
        return "" if (module / "__main__.py").exists() or module.with_suffix(".py").exists() else parts[2]
    return "" if (ROOT / parts[1]).exists() else parts[1]


@pytest.mark.parametrize("file", PAGES, ids=name)
def test_it_names_commands_that_exist(file: Path) -> None:
    assert {line: unknown(line) for line in commands(file) if unknown(line)} == {}


def options_of(line: str) -> str:
    """The text in which every option of this command must stand."""
    parts = line.split()
    if parts[:2] == ["./nocturne", "manage"] and len(parts) > 2 and parts[2] in get_commands():
        app = get_commands()[parts[2]]
        return load_command_class(str(app), parts[2]).create_parser("manage", parts[2]).format_help()
    if parts[0].endswith("python") and (ROOT / parts[1]).is_file():
        return words(ROOT / parts[1])
    package = ROOT / parts[2].replace(".", "/") if parts[1:2] == ["-m"] else ROOT
    if package != ROOT and package.is_dir():
        return "\n".join(words(file) for file in package.rglob("*.py"))
    homes = ("nocturne", "config/lab/__main__.py", "overview/management/commands/demo.py")
    rooms = (ROOT / "vslide" / "commands", ROOT / "tests" / "bench", ROOT / "tests" / "faults")
    files = [*(ROOT / home for home in homes), *(file for room in rooms for file in room.glob("*.py"))]
    return "\n".join(words(file) for file in [*files, *ROOT.glob("vslide/*.py"), *ROOT.glob("*/__main__.py")])


@pytest.mark.parametrize("file", PAGES, ids=name)
def test_it_names_options_that_exist(file: Path) -> None:
    for line in commands(file):
        named = {option.strip("[]") for option in re.findall(r"--[a-z][a-z-]*", line)}
        assert {option for option in named if option not in options_of(line)} == set(), line


def test_it_finds_the_commands_it_is_to_check() -> None:
    assert {"./nocturne demo", "./nocturne test"} <= commands(ROOT / "README.md")
    assert {
        "demo",
        "up",
        "down",
        "status",
        "test",
        "check",
        "bench",
        "faults",
        "manage",
    } <= known_subcommands()
    assert unknown("./nocturne dance") == "dance"
    assert unknown("./nocturne manage no_such_thing") == "no_such_thing"


@pytest.mark.parametrize("file", PAGES, ids=name)
def test_its_settings_are_read_somewhere(file: Path) -> None:
    sources = [*(ROOT / "config").rglob("*.py"), *(ROOT / "docker").iterdir(), ROOT / "nocturne"]
    code = "\n".join(words(source) for source in sources if source.is_file())
    named = {found for found in UPPER.findall(words(file)) if not found.startswith(("NAME_", "SEED_"))}
    assert {one for one in named if not re.search(rf"\b{one}\b", code)} == set()


@pytest.mark.parametrize("file", PAGES, ids=name)
def test_its_links_lead_somewhere(file: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", words(file))
    near = {target.partition("#")[0] for target in targets if not target.startswith(("http", "mailto:", "#"))}
    assert {target for target in near if not (file.parent / target).exists()} == set()


@pytest.mark.parametrize("file", PAGES, ids=name)
def test_the_files_it_names_exist(file: Path) -> None:
    bases = (ROOT, file.parent, *(ROOT / room for room in ("viewer/static", "core", "microscope")))
    missing = {
        path for path in PATHS.findall(words(file)) if not any((base / path).exists() for base in bases)
    }
    assert {path for path in missing if not any(ROOT.glob(f"*/static/{path}"))} == set()


def test_the_life_of_a_slide_is_current() -> None:
    assert words(ROOT / "docs" / "life-of-a-slide.md") == page()


def test_the_picture_shows_every_process(tmp_path: Path) -> None:
    architecture = words(ROOT / "ARCHITECTURE.md")
    picture = next(body for kind, body in BLOCK.findall(architecture) if kind == "mermaid")
    boxes = set(re.findall(r"^    ([\w-]+)\[[^(]", picture, re.MULTILINE))
    table = {process.name for process in processes(open_lab(tmp_path / "lab"), {})}
    assert boxes - {"writer"} == table
    assert {process for process in table if f"| `{process}` |" not in architecture} == set()


def test_every_decision_is_listed() -> None:
    listed = set(re.findall(r"\((\d{4}-[\w-]+\.md)\)", words(ROOT / "docs" / "decisions" / "README.md")))
    assert listed == {file.name for file in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}


def test_the_readme_shows_its_help() -> None:
    done = subprocess.run(["./nocturne", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {
        line for line in commands(ROOT / "README.md") if line.split()[1] not in done.stdout + "help"
    } == set()


@pytest.mark.parametrize("package", ["vslide", "microscope"])
def test_the_pure_packages_say_how_they_are_called(package: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", package, "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    formats = words(ROOT / "docs" / ("format.md" if package == "vslide" else "protocol.md"))
    spoken = set(re.findall(rf"python -m {package} ([a-z-]+)", formats))
    assert {verb for verb in spoken if verb not in done.stdout} == set()
