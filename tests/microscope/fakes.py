"""A driver and a sink without optics: what the runner and the server are tested with."""

import threading
from typing import Any

import numpy as np

from microscope.drivers.base import Pixels, Position, SnapshotImages
from microscope.errors import FocusFailed, ScannerError
from microscope.messages import ScannerInfo
from microscope.plan import FocusPoint, Rect, ScanPlan
from vslide.model import FieldKey, Plane

SIDE = 32


def small_plan(**changes: Any) -> ScanPlan:
    """3 rows of 4 fields of 32 × 32 px, in brightfield 36 planes."""
    values: dict[str, Any] = {
        "area": Rect(1000, 2000, 32 + 3 * 28.8, 32 + 2 * 28.8),
        "focus_points": tuple(FocusPoint(1000 + 30 * (n % 3), 2000 + 30 * (n // 3)) for n in range(6)),
        "field_width": SIDE,
        "field_height": SIDE,
        "pixel_size_um": 1.0,
    }
    return ScanPlan(**(values | changes))


class FakeDriver:
    """Grey pictures that carry their place; faults by the number of the exposure; ``gate`` holds every
    exposure up.
    """

    def __init__(self, *, faults: dict[int, ScannerError] | None = None, blind: int = 0) -> None:
        self.calls: list[str] = []
        self.moves: list[Position] = []
        self.gate = threading.Event()
        self.gate.set()
        self._faults, self._blind, self._exposed = faults or {}, blind, 0
        self.drift_um = 0.0

    def describe(self) -> ScannerInfo:
        return ScannerInfo(
            protocol=1, name="fake", driver="fake", software="fake 1", capabilities=(), carousels=1, slots=1,
            field_width=SIDE, field_height=SIDE, pixel_size_um=1.0, magnification=10.0, objective="none",
            modalities=("brightfield",), channels=(), max_layers=1, glass_width_um=76e3, glass_height_um=26e3,
        )  # fmt: skip

    def load(self, carousel: int, slot: int, *, attempt: int = 1) -> None:
        self.calls.append(f"load {carousel}/{slot}")

    def unload(self) -> None:
        self.calls.append("unload")

    def park(self) -> None:
        self.calls.append("park")

    def snapshot(self) -> SnapshotImages:
        grey = np.full((64, 128, 3), 200, np.uint8)
        return SnapshotImages(grey, grey, 30.0, (0.0, 0.0))

    def autofocus(self, x_um: float, y_um: float) -> float:
        if self._blind > 0:
            self._blind -= 1
            raise FocusFailed("blind")
        return 50.0 + x_um / 1000 + (self.drift_um if self._exposed else 0.0)

    def move(self, x_um: float, y_um: float, z_um: float) -> Position:
        self.moves.append(Position(x_um, y_um, z_um))
        return self.moves[-1]

    def expose(self, channel: int) -> Pixels:
        assert self.gate.wait(10)
        self._exposed += 1
        if self._exposed in self._faults:
            raise self._faults[self._exposed]
        return np.full((SIDE, SIDE, 3), len(self.moves) % 256, np.uint8)


class ListSink:
    """Keeps planes in a list; planes given as ``durable`` count as stored before."""

    def __init__(self, durable: set[tuple[FieldKey, int]] | None = None) -> None:
        self.durable = durable or set()
        self.planes: list[Plane] = []
        self.flushed = self.closed = False

    def put(self, plane: Plane) -> None:
        self.planes.append(plane)

    def flush(self, timeout_s: float) -> None:
        self.flushed = True

    def close(self) -> None:
        self.closed = True

    @property
    def keys(self) -> set[tuple[FieldKey, int]]:
        return {(plane.key, plane.channel) for plane in self.planes}
