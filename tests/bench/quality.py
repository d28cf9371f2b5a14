"""`./nocturne bench quality`: how surely a blur is told, beside the usual measures of focus, and what it
costs to judge a slide; as `python -m tests.bench.quality --glasses 10`, the tables of docs/quality.md.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import vslide
from microscope.clock import ScaledClock
from microscope.drivers.simulated import SimulatedDriver
from microscope.focus import propose
from microscope.messages import Glass
from tests.bench.measure import Figure, Round, Subject
from tests.bench.slides import Scale
from tests.microscope.scanned import Scanned, scanned
from vslide.quality import measure
from vslide.sharpness import sharpness

Pixels = NDArray[Any]
Judge = Callable[[Pixels], float]

STAINS = (("H&E", 0), ("IHC", 0), ("IF4", 0), ("IF4", 1), ("IF4", 2))
OFF_UM = (0.0, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0)
SHARP_UM, BLURRED_UM = 1.5, 4.0
THRESHOLDS = (0.4, 0.45, 0.5, 0.55, 0.6)
BELOW, BLURRED_SHARE = 0.5, 0.1  # QUALITY_SHARP and QUALITY_BLURRED_SHARE as they come
TISSUE_LEAST = 0.1
PLACES = 4
SIDE = 512
FIGURES = {
    "auc": Figure("area under the ROC", target={"ours": 0.999}),
    "found": Figure("% of blurred fields with 1 % of the sharp ones"),
    "slide": Figure("ms CPU a slide", higher_is_better=False, target={"ours": 1000}),
}


@dataclass(frozen=True)
class Look:
    """One picture of the simulated scanner, and how far it was out of focus."""

    stain: str
    channel: int
    off_um: float
    picture: Pixels


def looks(glasses: int, folder: Path) -> Iterator[Look]:
    """Fields that hold tissue, each at every distance from its focus, above and below it by turns."""
    driver = SimulatedDriver(1, ScaledClock(), folder, failure_rate=0.0)
    for stain, channel in STAINS:
        for seed in range(glasses):
            driver.place(1, 1, Glass("Q1", stain, seed))
            driver.load(1, 1)
            shot = driver.snapshot()
            points = propose(shot.macro, shot.um_per_px, shot.origin_um).points
            random = np.random.default_rng(seed)
            for number, point in enumerate(points[:PLACES]):
                x, y = (np.array((point.x_um, point.y_um)) - SIDE / 2 + random.uniform(-250, 250, 2)).tolist()
                yield from _at_every_height(driver, stain, channel, (x, y), 1 if number % 2 else -1)


def _at_every_height(
    driver: SimulatedDriver, stain: str, channel: int, corner: tuple[float, float], side: int
) -> Iterator[Look]:
    middle = corner[0] + SIDE / 2, corner[1] + SIDE / 2
    if driver.truth.tissue_share(*middle, SIDE) < TISSUE_LEAST:
        return
    for off in OFF_UM:
        driver.move(*corner, driver.truth.height_um(*middle) + side * off)
        seen = driver.expose(channel)
        yield Look(stain, channel, off, seen[..., 1] if seen.ndim == 3 else seen)


def _laplacian(picture: Pixels) -> float:
    grey = picture.astype(np.float32)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var() / max(1e-6, grey.var()))


def _brenner(picture: Pixels) -> float:
    grey = picture.astype(np.float32)
    return float(np.square(grey[:, 2:] - grey[:, :-2]).mean() / max(1e-6, grey.var()))


def _tenengrad(picture: Pixels) -> float:
    grey = picture.astype(np.float32)
    slopes = (cv2.Sobel(grey, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1)))
    return float(sum(np.square(slope).mean() for slope in slopes) / max(1e-6, grey.var()))


PEERS: dict[str, Judge] = {
    "variance of the Laplacian": _laplacian,
    "Brenner": _brenner,
    "Tenengrad": _tenengrad,
}


def auc(sharp: Sequence[float], blurred: Sequence[float]) -> float:
    """How often a sharp picture scores higher than a blurred one; a tie counts half."""
    one, other = np.array(sharp)[:, None], np.array(blurred)[None]
    return float((one > other).mean() + (one == other).mean() / 2)


def judged(found: Sequence[Look], judge: Judge) -> dict[str, float]:
    scores = [(look.off_um, judge(look.picture)) for look in found]
    sharp = [score for off, score in scores if off <= SHARP_UM]
    blurred = [score for off, score in scores if off >= BLURRED_UM]
    at_one_percent = float(np.percentile(sharp, 1))
    return {
        "auc": auc(sharp, blurred),
        "found": 100 * float(np.mean([score < at_one_percent for score in blurred])),
    }


_looks = cache(lambda glasses, folder: tuple(looks(glasses, folder)))


def quality(scale: Scale, kept: Path) -> Subject:
    """Pictures are taken once; the cost of a slide is measured in every round."""
    glasses = max(1, scale.distinct // 2)
    slide = scanned(kept, "H&E", side_um=None)

    def ours(folder: Path) -> dict[str, float]:
        began = time.process_time()
        with vslide.open(slide.path) as reader:
            measure(reader)
        return judged(_looks(glasses, kept), sharpness) | {"slide": 1e3 * (time.process_time() - began)}

    return Subject(FIGURES, ours, {name: _round(judge, glasses, kept) for name, judge in PEERS.items()})


def _round(judge: Judge, glasses: int, kept: Path) -> Round:
    return lambda folder: judged(_looks(glasses, kept), judge)


def by_distance(found: Sequence[Look]) -> Iterator[str]:
    """Rows of a table: a stain, and its median score at each distance with the 5th and 95th percentile."""
    yield "| µm off focus | " + " | ".join(f"{off:g}" for off in OFF_UM) + " |"
    for stain, channel in STAINS:
        cells = []
        for off in OFF_UM:
            scores = [
                sharpness(look.picture)
                for look in found
                if (look.stain, look.channel, look.off_um) == (stain, channel, off)
            ]
            low, middle, high = np.percentile(scores, [5, 50, 95])
            cells.append(f"{middle:.2f} ({low:.2f}–{high:.2f})")
        yield f"| {stain}{f' channel {channel + 1}' if stain == 'IF4' else ''} | " + " | ".join(cells) + " |"


def by_threshold(found: Sequence[Look]) -> Iterator[str]:
    scores = [(look.off_um, sharpness(look.picture)) for look in found]
    for below in THRESHOLDS:
        sharp = [score < below for off, score in scores if off <= SHARP_UM]
        blurred = [score < below for off, score in scores if off >= BLURRED_UM]
        yield f"| {below:g} | {100 * np.mean(blurred):.1f} % | {100 * np.mean(sharp):.1f} % |"


def of_slides(glasses: int, folder: Path) -> Iterator[str]:
    """Whole slides: how many are called blurred when the focus was found, and when it was 5 µm off."""
    for stain in ("H&E", "IHC", "IF4"):
        shares = [
            [_blurred(scanned(folder, stain, seed=seed, side_um=None, miss=miss)) for seed in range(glasses)]
            for miss in (None, lambda x, y: 5.0)
        ]
        called = [sum(share > BLURRED_SHARE for share in found) for found in shares]
        most = f"the worst: {max(shares[0]):.0%} of its fields"
        yield f"| {stain} | {called[0]} of {glasses} ({most}) | {called[1]} of {glasses} |"


def _blurred(slide: Scanned) -> float:
    with vslide.open(slide.path) as reader:
        return measure(reader).blurred(BELOW)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--glasses", type=int, default=10, help="of each stain")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        found = list(looks(options.glasses, Path(folder)))
        lines = [f"{len(found)} pictures", *by_distance(found), *by_threshold(found)]
        for name, judge in {"ours": sharpness, **PEERS}.items():
            figures = judged(found, judge)
            lines.append(f"| {name} | {figures['auc']:.4f} | {figures['found']:.1f} % |")
        sys.stdout.write("\n".join(lines) + "\n")
        for line in of_slides(options.glasses, Path(folder)):
            sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
