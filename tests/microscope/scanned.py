"""Small slides of the simulated scanner, scanned in this process: what a scan's quality is judged by."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from microscope.clock import ScaledClock
from microscope.drivers.base import SnapshotImages
from microscope.drivers.simulated import SimulatedDriver, stains
from microscope.focus import propose
from microscope.messages import Glass
from microscope.plan import Rect, ScanPlan
from microscope.runner import measure, run
from vslide.build import build
from vslide.codec import chunk_grid
from vslide.journal import Journal
from vslide.model import RGB, Plane

FIELD = 256
Miss = Callable[[float, float], float]


@dataclass(frozen=True)
class Scanned:
    path: Path
    plan: ScanPlan
    shot: SnapshotImages
    sha256: str
    bytes: int


class _JournalSink:
    def __init__(self, journal: Journal) -> None:
        self._journal, self._count = journal, 0

    def put(self, plane: Plane) -> None:
        self._journal.append(plane, self._count)
        self._count += 1

    def flush(self, timeout_s: float) -> None:
        self._journal.commit()


def scanned(
    folder: Path, stain: str = "H&E", *, seed: int = 3, flaw: str | None = None, miss: Miss | None = None,
    side_um: float | None = 700.0, **changes: Any,
) -> Scanned:  # fmt: skip
    """One glass, its middle `side_um` (None: all of it) in fields of 256 px; `miss` puts the focus wrong by
    so many µm at a place.
    """
    driver = SimulatedDriver(
        1, ScaledClock(), folder / "scanner", field_width=FIELD, field_height=FIELD, failure_rate=0.0
    )
    driver.place(1, 1, Glass("A1", stain, seed, None, flaw))
    driver.load(1, 1)
    shot = driver.snapshot()
    plan = replace(_plan(driver, shot, stain, side_um), **changes)
    if miss is not None:
        found = measure(driver, plan.focus_points) or []
        points = [replace(point, z_um=(point.z_um or 0.0) + miss(point.x_um, point.y_um)) for point in found]
        plan = replace(plan, focus_points=tuple(points))
    header = plan.header(slide_id=uuid.uuid4().hex, run_id=uuid.uuid4().hex, chunk=chunk_grid(FIELD, FIELD))
    journal = folder / f"journal-{header.run_id}"
    with Journal.create(journal, header, header.run_id, 1, plan.plane_count) as kept:
        run(driver, plan, _JournalSink(kept))
    made = build(journal, folder / "slides")
    return Scanned(made.path, plan, shot, made.sha256, made.bytes)


def _plan(driver: SimulatedDriver, shot: SnapshotImages, stain: str, side_um: float | None) -> ScanPlan:
    found = propose(shot.macro, shot.um_per_px, shot.origin_um)
    assert found.area is not None
    fluorescent = stains.is_fluorescent(stain)
    return ScanPlan(
        area=found.area if side_um is None else _middle(found.area, side_um),
        focus_points=found.points,
        field_width=FIELD,
        field_height=FIELD,
        pixel_size_um=driver.describe().pixel_size_um,
        channels=stains.FLUORESCENCE if fluorescent else RGB,
        modality="fluorescence" if fluorescent else "brightfield",
        stain=stain,
    )


def _middle(area: Rect, side_um: float) -> Rect:
    x, y = area.x_um + (area.width_um - side_um) / 2, area.y_um + (area.height_um - side_um) / 2
    return Rect(x, y, side_um, side_um)
