"""`./nocturne bench [NAME…] [--quick] [--json FILE]`: ours beside its peers, medians of rounds taken in turn.

A ratio above 1 is in our favour. A peer that is not installed is named as missing, never left out in silence.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.pixels import make_slide
from tests.bench.subjects import SUBJECTS, Round, Subject

OURS = "ours"


def measure(subject: Subject, rounds: int) -> dict[str, Any]:
    """Ours and every peer once in each round, so that a busy moment of the machine strikes all alike."""
    runners: dict[str, Round] = {OURS: subject.ours, **subject.peers}
    figures: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(rounds):
        for name, once in runners.items():
            with tempfile.TemporaryDirectory(prefix="nocturne-bench-") as folder:
                figures[name].append(once(Path(folder)))
    found = {name: median(values) for name, values in figures.items()}
    ours = found.pop(OURS)
    ratio = {peer: ours / n if subject.higher_is_better else n / ours for peer, n in found.items()}
    return {
        "unit": subject.unit,
        "ours": round(ours, 2),
        "peers": {peer: round(n, 2) for peer, n in found.items()},
        "ratio": {peer: round(n, 2) for peer, n in ratio.items()},
        "missing": subject.missing,
        "spread": [round(min(figures[OURS]), 2), round(max(figures[OURS]), 2)],
        "rounds": rounds,
    }


def tell(name: str, found: dict[str, Any]) -> None:
    print(f"{name}: {found['ours']} {found['unit']} (median of {found['rounds']})", flush=True)
    for peer, figure in found["peers"].items():
        print(f"  {peer:<30} {figure:>9} {found['unit']}, ratio {found['ratio'][peer]}", flush=True)
    for peer, why in found["missing"].items():
        print(f"  {peer:<30}   missing: {why}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="nocturne bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SUBJECTS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="a small slide and few rounds")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in SUBJECTS]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(SUBJECTS)}")
    slide = make_slide(4 if options.quick else 16)
    load = os.getloadavg()[0]
    size = f"{len(slide.fields)} fields, {slide.megabytes:.0f} MB of 16-bit pixels"
    print(f"{size}; {os.cpu_count()} cores, load {load:.1f}", flush=True)
    results = {}
    for name in options.names or SUBJECTS:
        with tempfile.TemporaryDirectory(prefix="nocturne-bench-") as kept:
            results[name] = measure(SUBJECTS[name](slide, Path(kept)), rounds=3 if options.quick else 5)
        tell(name, results[name])
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
