"""`./nocturne bench [NAME…] [--quick] [--json FILE]`: ours beside its peers, medians of rounds taken in turn.

A ratio above 1 is in our favour. A peer that is not installed is named as missing, never left out in silence.
Everything runs on two cores, whatever the machine has.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.bench.measure import measure
from tests.bench.slides import FULL, QUICK, Scale
from tests.bench.subjects import SUBJECTS, maker

ROOT = Path(__file__).resolve().parents[2]
CORES = 2
Results = dict[str, dict[str, Any]]


def hold_to_two_cores() -> None:
    """The figures that we are held to are those of two cores; children and peers inherit them."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def run(name: str, scale: Scale, folder: Path) -> Results:
    """{`NAME`: its leading figure, `NAME.FIGURE`: each}."""
    with tempfile.TemporaryDirectory(dir=folder) as kept, tempfile.TemporaryDirectory(dir=folder) as room:
        subject = maker(name)(scale, Path(kept))
        found = measure(subject, scale.rounds, Path(room), judge=scale.judge)
    leading = next(iter(found.values()))
    return {name: leading} | {f"{name}.{figure}": entry for figure, entry in found.items()}


def tell(name: str, found: dict[str, Any]) -> None:
    low, high = found["spread"]
    print(f"{name}: {found['ours']:g} {found['unit']} ({low:g} to {high:g} in {found['rounds']})", flush=True)
    for peer, figure in found["peers"].items():
        print(f"  {peer:<34} {figure:>9g} {found['unit']}, ratio {found['ratio'][peer]:g}")
    for goal, wanted in found.get("target", {}).items():
        verdict = "not met" if goal in found["unmet"] else "met"
        print(f"  target: {goal} {wanted:g}{'' if goal == 'ours' else ' x'}: {verdict}")


def tell_missing(found: Results) -> None:
    missing = {peer: why for entry in found.values() for peer, why in entry["missing"].items()}
    for peer, why in missing.items():
        print(f"  {peer:<34}   missing: {why}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    scale = QUICK if options.quick else FULL
    if options.rounds:
        scale = replace(scale, rounds=options.rounds)
    options.folder.mkdir(parents=True, exist_ok=True)
    print(f"{CORES} of {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    results: Results = {}
    for name in options.names or SUBJECTS:
        found = run(name, scale, options.folder)
        for figure, entry in found.items():
            if figure != name:
                tell(figure, entry)
        tell_missing(found)
        results |= found
        if options.json:  # after each: a long run that ends early leaves what it has measured
            options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nocturne bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SUBJECTS)}; all by default")
    parser.add_argument(
        "--quick", action="store_true", help="small slides and few rounds: no word on targets"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each takes its turn")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument(
        "--folder", type=Path, default=Path(os.environ.get("NOCTURNE_VAR") or ROOT / "var") / "bench",
        help="on the disk that is measured (default: below var/)",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in SUBJECTS]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(SUBJECTS)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds is 1 or more")
    return options


if __name__ == "__main__":
    hold_to_two_cores()
    sys.exit(main())
