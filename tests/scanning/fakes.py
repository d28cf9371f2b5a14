"""A scanner and a slide service behind the one seam, `scanning.clients`: they do what they are told to do."""

from collections import deque
from typing import Any, Self

import cv2
import numpy as np

from microscope import FocusPoint
from microscope.barcode import draw_label
from microscope.messages import JobStatus, ScannerInfo, ScannerStatus, SnapshotResult
from vslide.messages import Health, RunOpened, RunStatus
from vslide.model import Channel
from wire import RemoteError, Timeout

INFO = ScannerInfo(
    protocol=1, name="fake", driver="fake", software="fake 1", capabilities=(), carousels=40, slots=10,
    field_width=64, field_height=64, pixel_size_um=2.0, magnification=10.0, objective="10x", max_layers=1,
    modalities=("brightfield", "fluorescence"), channels=(Channel("DAPI"), Channel("FITC")),
    glass_width_um=76e3, glass_height_um=26e3,
)  # fmt: skip


def refusal(code: str, *, retryable: bool = False) -> RemoteError:
    return RemoteError(f"no: {code}", code=code, retryable=retryable)


def macro(*, tissue: bool = True) -> bytes:
    """An empty glass, or one with a blot of stain."""
    picture = np.full((208, 608, 3), 235, np.uint8)
    if tissue:
        cv2.ellipse(picture, (400, 104), (80, 60), 0, 0, 360, (150, 90, 160), -1)
    return cv2.imencode(".png", picture)[1].tobytes()


class Fake:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Nothing is held."""


class FakeScanner(Fake):
    """`script` holds what `job` says next (the last word stands); an exception in it is raised."""

    def __init__(self) -> None:
        self.info = INFO
        self.scans: list[dict[str, Any]] = []
        self.snaps: list[tuple[str, int, int]] = []
        self.tried: tuple[FocusPoint, ...] = ()
        self.script: deque[Any] = deque([JobStatus(job_id="", state="done")])
        self.snapshot = JobStatus(job_id="", state="done")
        self.barcode: str | None = None
        self.macro, self.label = macro(), cv2.imencode(".png", draw_label("B-0"))[1].tobytes()
        self.refuses: deque[Exception] = deque()
        self.orders: list[tuple[str, str]] = []
        self.on_stage = ""
        self.away = 0  # so many questions who it is stay without an answer

    def describe(self) -> ScannerInfo:
        self._be_away()
        return self.info

    def status(self) -> ScannerStatus:
        self._be_away()
        return ScannerStatus(state="idle", job_id=self.on_stage)

    def _be_away(self) -> None:
        if self.away:
            self.away -= 1
            raise Timeout("silent")

    def place(self, carousel: int, slot: int, glass: Any) -> None:
        raise AssertionError("this scanner has no hands")

    def snap(self, job_id: str, carousel: int, slot: int, **options: Any) -> JobStatus:
        self.snaps.append((job_id, carousel, slot))
        return self._said(self.snapshot)

    def collect(self, job_id: str) -> tuple[SnapshotResult, bytes, bytes]:
        facts = {"um_per_px": 125.0, "origin_x_um": 0.0, "origin_y_um": 0.0}
        return (
            SnapshotResult(job_id=job_id, barcode=self.barcode, tried=self.tried, **facts),
            self.macro,
            self.label,
        )

    def scan(self, job_id: str, **order: Any) -> None:
        if self.refuses:
            raise self.refuses.popleft()
        self.scans.append(order | {"job_id": job_id})

    def abort(self, job_id: str, reason: str = "") -> JobStatus:
        self.orders.append(("abort", job_id))
        return JobStatus(job_id=job_id, state="aborted", code="aborted")

    def pause(self, job_id: str) -> JobStatus:
        self.orders.append(("pause", job_id))
        return JobStatus(job_id=job_id, state="running", done=2)

    def resume(self, job_id: str) -> JobStatus:
        self.orders.append(("resume", job_id))
        return JobStatus(job_id=job_id, state="running", done=2)

    def job(self, job_id: str) -> JobStatus:
        return self._said(self.script.popleft() if len(self.script) > 1 else self.script[0])

    @staticmethod
    def _said(word: Any) -> JobStatus:
        found: JobStatus | Exception = word() if callable(word) else word
        if isinstance(found, Exception):
            raise found
        return found


class FakeSlideService(Fake):
    """Keeps the highest fence of each run, as the real one does. `states` holds what `ask` says next."""

    def __init__(self) -> None:
        self.fences: dict[str, int] = {}
        self.finished: list[str] = []
        self.aborted: list[tuple[str, int, str]] = []
        self.forgotten: list[str] = []
        self.free_bytes = 10**12
        self.opened: list[dict[str, Any]] = []
        self.refuses: deque[Exception] = deque()
        self.states: deque[RunStatus | Exception] = deque()
        self.durable: list[tuple[int, int, int, int, int]] = []

    def open_run(self, *, run_id: str, fence: int, planned: int, **order: Any) -> RunOpened:
        if self.refuses:
            raise self.refuses.popleft()
        if fence <= self.fences.get(run_id, 0):
            raise refusal("stale_fence")
        self.fences[run_id] = fence
        self.opened.append(order | {"run_id": run_id, "fence": fence, "planned": planned})
        return RunOpened(run_id=run_id, fence=fence, proxy="tcp://127.0.0.1:1", durable=self.durable)

    def finish(self, run_id: str, fence: int) -> RunStatus:
        if fence < self.fences.get(run_id, 0):
            raise refusal("stale_fence")
        self.finished.append(run_id)
        return RunStatus(run_id=run_id, state="finalising")

    def ask(self, run_id: str) -> RunStatus:
        word: RunStatus | Exception = self.states.popleft() if len(self.states) > 1 else self.states[0]
        if isinstance(word, Exception):
            raise word
        return word

    def abort(self, run_id: str, fence: int, reason: str = "") -> RunStatus:
        self.aborted.append((run_id, fence, reason))
        return RunStatus(run_id=run_id, state="failed")

    def health(self) -> Health:
        if self.refuses:
            raise self.refuses.popleft()
        return Health(runs=0, writers=0, free_bytes=self.free_bytes, respawned=0, garbage=0)

    def forget(self, run_id: str) -> RunStatus:
        if self.refuses:
            raise self.refuses.popleft()
        self.forgotten.append(run_id)
        return RunStatus(run_id=run_id, state="verified")
