"""What a command hands back to the command line."""

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """`lines` for a person, `data` for `--json`; `code` is the exit code: 0 sound, 1 faults."""

    lines: tuple[str, ...]
    data: dict[str, Any] = field(default_factory=dict)
    code: int = 0


def add_path(parser: argparse.ArgumentParser, name: str, text: str) -> None:
    """A positional argument that is a path."""
    parser.add_argument(name, type=Path, help=text)


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`: one JSON object on standard output instead of lines."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
