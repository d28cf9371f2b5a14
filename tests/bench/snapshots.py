"""The snapshot phase: what our side takes of each slide, beside the instrument."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median, quantiles

from tests.bench.measure import Figure, Subject
from tests.bench.slides import Scale

SLIDES, FEW = 400, 6
FIGURES = {
    "overhead": Figure("ms a slide", higher_is_better=False, target={"ours": 100}),
    "overhead_p95": Figure("ms a slide", higher_is_better=False),
    "phase": Figure("s of our own in all", higher_is_better=False),
}


def snapshots(scale: Scale, kept: Path) -> Subject:
    """Through the scanner's process protocol and the job's row, as a worker does it; the simulated
    instrument's own work is taken out.
    """
    count = SLIDES if scale.judge else FEW

    def once(folder: Path) -> Mapping[str, float]:
        overhead = _measured(count, folder)["overhead"]
        return {
            "overhead": median(overhead),
            "overhead_p95": quantiles(overhead, n=20)[-1],
            "phase": sum(overhead) / 1e3,
        }

    return Subject(FIGURES, once)


def _measured(count: int, folder: Path) -> dict[str, list[float]]:
    file = folder / "figures.json"
    ours = {
        "NOCTURNE_VAR": str(folder / "var"),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SIMULATED_FLAW_EVERY": "0",
    }
    outside = ("_URL", "_ENDPOINT", "_ENDPOINTS")
    given = {name: value for name, value in os.environ.items() if not name.endswith(outside)}
    subprocess.run(
        [sys.executable, "-m", "tests.bench.within_django", "tests.bench.snapping:main",
         str(count), str(folder), str(file)],
        env=given | ours, check=True, timeout=900,
    )  # fmt: skip
    found: dict[str, list[float]] = json.loads(file.read_text(encoding="utf-8"))
    return found
