"""The live board: how long after a change is committed each of twenty browsers has the changed part of a page
of four hundred slides.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median, quantiles

from tests.bench.measure import Figure, Subject
from tests.bench.slides import Scale

WHOLE, SMALL = ("400", "20", "150"), ("12", "3", "12")  # slides, browsers, changes
FIGURES = {
    "update_p95": Figure("ms from the commit to the browser", higher_is_better=False, target={"ours": 500}),
    "update": Figure("ms from the commit to the browser", higher_is_better=False),
    "cpu": Figure("% of a core for the web server", higher_is_better=False),
    "lost": Figure("changes that a browser was not told", higher_is_better=False, target={"ours": 0}),
    "left": Figure("connections after the browsers have gone", higher_is_better=False, target={"ours": 0}),
}


def board(scale: Scale, kept: Path) -> Subject:
    """Real streams over HTTP from a real web server, while slides change five times a second."""

    def once(folder: Path) -> Mapping[str, float]:
        found = _measured(folder, WHOLE if scale.judge else SMALL)
        updates = found["updates"]
        told = {"update": median(updates), "update_p95": quantiles(updates, n=20)[-1]}
        return told | {name: found[name][0] for name in ("cpu", "lost", "left")}

    return Subject(FIGURES, once)


def _measured(folder: Path, size: tuple[str, str, str]) -> dict[str, list[float]]:
    file = folder / "figures.json"
    ours = {"NOCTURNE_VAR": str(folder / "var"), "DJANGO_SETTINGS_MODULE": "config.settings"}
    outside = ("_URL", "_ENDPOINT", "_ENDPOINTS")
    given = {name: value for name, value in os.environ.items() if not name.endswith(outside)}
    subprocess.run(
        [sys.executable, "-m", "tests.bench.within_django", "tests.bench.watching:main", *size, str(file)],
        env=given | ours, check=True, timeout=600,
    )  # fmt: skip
    found: dict[str, list[float]] = json.loads(file.read_text(encoding="utf-8"))
    return found
