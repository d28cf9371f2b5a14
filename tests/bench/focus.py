"""`./nocturne bench focus`: quality and speed of focus, against the simulator's truth; and, as
`python -m tests.bench.focus --glasses 360`, the tables of docs/focus.md.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from microscope.clock import ScaledClock
from microscope.drivers.simulated import SimulatedDriver
from microscope.focus import SAFE_BELOW, propose
from microscope.messages import Glass
from tests.bench.glasses import KINDS, Judged, as_sent, judge_all
from tests.bench.measure import Figure, Subject
from tests.bench.slides import Scale
from tests.bench.subjects import seconds

GLASSES, FEW = 360, 18
THRESHOLDS = (0.2, 0.35, 0.5, 0.65, 0.8)
FIGURES = {
    "flagged": Figure("% of failing glasses", target={"ours": 95}),
    "untouched": Figure("% of good glasses", target={"ours": 90}),
    "flagged_by_picture": Figure("% of failing glasses"),
    "untouched_by_picture": Figure("% of good glasses"),
    "inside": Figure("% of focus points", target={"ours": 100}),
    "surface_median": Figure("µm", higher_is_better=False),
    "surface_p95": Figure("µm", higher_is_better=False, target={"ours": 1.0}),
    "propose": Figure("ms", higher_is_better=False),
}
_judged = cache(judge_all)


def focus(scale: Scale, kept: Path) -> Subject:
    """Glasses are judged once; the time of a proposal is taken in every round."""
    driver = SimulatedDriver(1, ScaledClock(), kept, failure_rate=0.0)
    driver.place(1, 1, Glass("F1", "H&E", 1))
    driver.load(1, 1)
    shot = driver.snapshot()
    macro = as_sent(shot.macro)

    def once(folder: Path) -> dict[str, float]:
        found = figures(_judged(GLASSES if scale.judge else FEW))
        return found | {"propose": 1e3 * seconds(lambda: propose(macro, shot.um_per_px, shot.origin_um))}

    return Subject(FIGURES, once)


def figures(judged: Sequence[Judged]) -> dict[str, float]:
    bad = [one for one in judged if one.failed]
    good = [one for one in judged if not one.failed]
    misses = [miss for one in judged if one.kind == "good" for miss in one.misses_um]
    points = sum(one.points for one in judged if one.kind not in HIDDEN)
    inside = sum(one.inside for one in judged if one.kind not in HIDDEN)
    return {
        "flagged": percent(one.risk >= SAFE_BELOW for one in bad),
        "untouched": percent(one.risk < SAFE_BELOW for one in good),
        "flagged_by_picture": percent(one.seen >= SAFE_BELOW for one in bad),
        "untouched_by_picture": percent(one.seen < SAFE_BELOW for one in good),
        "inside": 100.0 * inside / max(1, points),
        "surface_median": float(np.median(misses or [np.nan])),
        "surface_p95": float(np.percentile(misses or [np.nan], 95)),
    }


HIDDEN = ("dirty", "marked")  # dirt and ink may look like tissue; the other glasses have nothing else on them


def percent(said: Iterator[bool]) -> float:
    answers = list(said)
    return 100.0 * sum(answers) / len(answers) if answers else float("nan")


def table(judged: Sequence[Judged]) -> Iterator[str]:
    """By kind of glass: how many failed, how many came to a person."""
    yield "| glass | of them | failed | flagged by picture | flagged | failed unflagged | good, flagged |"
    yield "|---|---|---|---|---|---|---|"
    for kind in ("good", *KINDS, "all"):
        these = [one for one in judged if kind in (one.kind, "all")]
        bad = [one for one in these if one.failed]
        told = [one for one in these if one.risk >= SAFE_BELOW]
        cells = (
            kind.replace("_", " "), len(these), len(bad),
            sum(one.seen >= SAFE_BELOW for one in these), len(told),
            sum(one.risk < SAFE_BELOW for one in bad), sum(not one.failed for one in told),
        )  # fmt: skip
        yield f"| {' | '.join(map(str, cells))} |"


def curve(judged: Sequence[Judged]) -> Iterator[str]:
    """What another threshold would do."""
    yield "| safe below | picture: flagged | untouched | with trying: flagged | untouched |"
    yield "|---|---|---|---|---|"
    bad = [one for one in judged if one.failed]
    good = [one for one in judged if not one.failed]
    for safe in THRESHOLDS:
        shares = (
            percent(one.seen >= safe for one in bad), percent(one.seen < safe for one in good),
            percent(one.risk >= safe for one in bad), percent(one.risk < safe for one in good),
        )  # fmt: skip
        yield f"| {safe} | {' | '.join(f'{share:.1f} %' for share in shares)} |"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.focus", description=__doc__)
    parser.add_argument("--glasses", type=int, default=GLASSES, metavar="N")
    judged = judge_all(parser.parse_args(arguments).glasses)
    told = [f"{name}: {value:.2f} {FIGURES[name].unit}" for name, value in figures(judged).items()]
    missed = [
        f"not foreseen: {one.kind} {one.stain}, {one.failed}, risk {one.risk}"
        for one in judged
        if one.failed and one.risk < SAFE_BELOW
    ]
    sys.stdout.write("\n".join((*table(judged), "", *curve(judged), "", *told, *missed, "")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
