"""Simulated glasses, good and doubtful, and what became of each: where the focus points lay, how far the
focus surface was off, what had been said of it before the night, and whether the scan was any good.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from microscope.clock import ScaledClock
from microscope.drivers.base import Pixels, SnapshotImages
from microscope.drivers.simulated import SimulatedDriver
from microscope.drivers.simulated.doubts import DOUBTS
from microscope.drivers.simulated.stage import OnStage
from microscope.errors import FocusFailed
from microscope.focus import Picture, Proposal, propose
from microscope.messages import Glass
from microscope.plan import FocusPoint, ScanPlan
from microscope.runner import run, try_focus
from vslide.model import Plane

KINDS = ("no_focus_points", *DOUBTS)
STAINS = ("H&E", "IHC", "IF1", "IF4")
TRIES = 5
SIDE = 512
BLURRED_UM = 3.0  # beyond this a field has lost its detail
BLURRED_SHARE = 0.1  # a slide with more such fields is a failure
HOLDS_TISSUE = 0.1
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 88]
_FIRST_SEED = 40_000


@dataclass(frozen=True)
class Judged:
    """One glass. ``seen`` is its risk from the photograph alone, ``risk`` with what trying to focus told;
    ``inside`` counts the focus points that lie on tissue.
    """

    kind: str
    stain: str
    failed: str  # "no tissue", "no focus", "blurred"; "" is a good scan
    seen: float
    risk: float
    reasons: tuple[str, ...]
    points: int
    inside: int
    misses_um: tuple[float, ...]  # of the focus surface, in each field that holds tissue


class EyesShut(SimulatedDriver):
    """Focuses and moves as ever; its pictures are blank, for here only their height matters."""

    def expose(self, channel: int) -> Pixels:
        return np.full((SIDE, SIDE, 3), 200, np.uint8)


class Heights:
    """A sink that keeps where each field was taken."""

    def __init__(self) -> None:
        self.planes: list[Plane] = []

    def put(self, plane: Plane) -> None:
        self.planes.append(plane)

    def flush(self, timeout_s: float) -> None:
        """Nothing is held back."""


def judge_all(count: int, processes: int = 2) -> list[Judged]:
    """``count`` glasses, every other one good, the rest of all kinds of doubt in turn."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return list(pool.map(judge, range(count), chunksize=4))


def judge(number: int) -> Judged:
    kind = KINDS[number // 2 % len(KINDS)] if number % 2 else "good"
    stain = STAINS[int(np.random.default_rng([number, 0x5]).integers(len(STAINS)))]
    glass = Glass(f"F{number}", stain, _FIRST_SEED + number, flaw=None if kind == "good" else kind)
    with TemporaryDirectory() as folder:
        driver = EyesShut(1, ScaledClock(), Path(folder), failure_rate=0.0)
        driver.place(1, 1, glass)
        driver.load(1, 1)
        shot = driver.snapshot()
        look = partial(propose, as_sent(shot.macro), shot.um_per_px, shot.origin_um)
        seen, proposal = look(), look(tried=try_focus(driver, shot, TRIES))
        truth = driver.truth
        failed, misses = _scan(driver, proposal)
    inside = sum(on_tissue(truth, point, shot) for point in proposal.points)
    return Judged(
        kind, stain, failed, seen.risk.score, proposal.risk.score, proposal.risk.reasons,
        len(proposal.points), inside, tuple(misses),
    )  # fmt: skip


def as_sent(macro: Picture) -> Picture:
    """As the laboratory gets it: through a JPEG."""
    sent = cv2.imencode(".jpg", macro[..., ::-1], _JPEG)[1]
    return np.asarray(cv2.imdecode(sent, cv2.IMREAD_COLOR_RGB), np.uint8)


def on_tissue(truth: OnStage, point: FocusPoint, shot: SnapshotImages) -> bool:
    """Is there tissue, if only beside a gap that is smaller than a pixel of the photograph?"""
    return truth.tissue_share(point.x_um, point.y_um, shot.um_per_px) > 0.0


def _scan(driver: SimulatedDriver, proposal: Proposal) -> tuple[str, list[float]]:
    """Why the scan is no good, if so, and how far its fields were out of focus."""
    if proposal.area is None:
        return "no tissue", []
    plan = ScanPlan(proposal.area, proposal.points, SIDE, SIDE, driver.describe().pixel_size_um)
    heights = Heights()
    try:
        run(driver, plan, heights)
    except FocusFailed:
        return "no focus", []
    misses = list(_misses(driver.truth, plan, heights.planes))
    blurred = sum(miss > BLURRED_UM for miss in misses)
    return ("blurred" if blurred > BLURRED_SHARE * len(misses) else ""), misses


def _misses(truth: OnStage, plan: ScanPlan, planes: list[Plane]) -> Iterator[float]:
    half = SIDE * plan.pixel_size_um / 2
    for plane in planes:
        x, y = plane.x_um + half, plane.y_um + half
        if plane.channel == 0 and truth.tissue_share(x, y, 2 * half) > HOLDS_TISSUE:
            yield abs(plane.z_um - truth.height_um(x, y))
