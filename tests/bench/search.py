"""`./nocturne bench search`: a page of what was found among ten thousand slides, beside a scan by LIKE."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.bench.measure import Figure, Subject
from tests.bench.slides import Scale

WHOLE, SMALL = 10_000, 200  # slides
FIGURES = {
    "page": Figure("ms for the first page of two words, with its count", higher_is_better=False),
    "rare": Figure("ms, a word that one slide in a thousand has", higher_is_better=False),
    "phrase": Figure("ms, two words side by side", higher_is_better=False),
    "whole": Figure("ms for all that the search page shows: order, marks, counts", higher_is_better=False),
    "index": Figure("s to write every slide's words", higher_is_better=False),
}


def search(scale: Scale, kept: Path) -> Subject:
    """In SQLite, the embedded default. The peer reads the same table and neither stems, ranks nor marks."""
    slides = WHOLE if scale.judge else SMALL
    made = _told(kept, kept, "made", str(slides))

    def ours(folder: Path) -> Mapping[str, float]:
        return made | _told(kept, folder, "ours", str(scale.reads))

    def like(folder: Path) -> Mapping[str, float]:
        return _told(kept, folder, "like", str(scale.reads))

    return Subject(FIGURES, ours, {"LIKE": like})


def _told(kept: Path, folder: Path, *arguments: str) -> dict[str, float]:
    """What a process of its own measured, in the laboratory below `kept`."""
    file = folder / "figures.json"
    ours = {"NOCTURNE_VAR": str(kept / "var"), "DJANGO_SETTINGS_MODULE": "config.settings"}
    outside = ("_URL", "_ENDPOINT", "_ENDPOINTS")
    given = {name: value for name, value in os.environ.items() if not name.endswith(outside)}
    run = [sys.executable, "-m", "tests.bench.within_django", "tests.bench.seeking:main"]
    subprocess.run([*run, *arguments, str(file)], env=given | ours, check=True, timeout=600)
    found: dict[str, float] = json.loads(file.read_text(encoding="utf-8"))
    return found
