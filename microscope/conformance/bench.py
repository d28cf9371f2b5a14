"""What every check of the kit has at hand: the scanner, a glass, a proxy, and words for what is wrong."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from microscope.client import ScannerClient
from microscope.conformance.proxy import Proxy
from microscope.focus import propose
from microscope.messages import Glass, JobStatus, ScannerInfo, SnapshotResult
from microscope.plan import FocusPoint, Rect, ScanPlan
from vslide.model import RGB
from wire import RemoteError, Security, WireError, parse_address

PROXY = "tcp://127.0.0.1:*"
BARCODE = "CONFORMANCE-1"
JOB_S = 120.0
GLASS_SEED = 11
_LOOK_S = 0.02

Picture = NDArray[np.uint8]


class Wrong(Exception):
    """A check's finding."""


class NotAsked(Exception):
    """Why a check cannot be made here."""


@dataclass(frozen=True)
class Target:
    """What is to be checked, and what the kit must be told because the protocol does not say it.
    ``patience_s`` is how long it waits for what should be done after one field.
    """

    address: str
    events: str | None = None
    client_timeout_s: float | None = None
    slot: tuple[int, int] | None = None
    barcode: str = ""
    at_um: tuple[float, float] | None = None
    proxy: str = PROXY
    patience_s: float = 20.0
    proxy_security: Security | None = None


@dataclass(frozen=True)
class Seen:
    """A finished snapshot of the glass."""

    result: SnapshotResult
    macro: Picture
    label: Picture


Check = Callable[["Bench"], None]


@dataclass
class Bench:
    target: Target
    scanner: ScannerClient
    info: ScannerInfo
    _jobs: list[str] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return parse_address(self.target.address)[0]

    @property
    def security(self) -> Security | None:
        return parse_address(self.target.address)[1]

    @property
    def has_hands(self) -> bool:
        return "hands" in self.info.capabilities

    @property
    def slot(self) -> tuple[int, int]:
        """Where the glass lies. Raises NotAsked when there is none."""
        if self.target.slot is not None:
            return self.target.slot
        if not self.has_hands:
            raise NotAsked("no glass: name a slot where a person has put one (--slot)")
        return self.info.carousels, self.info.slots

    @property
    def barcode(self) -> str:
        return self.target.barcode if self.target.slot is not None else BARCODE

    def put_glass(self) -> None:
        """Have glass in the slot."""
        slot = self.slot
        if self.target.slot is None:
            self.scanner.place(*slot, Glass(BARCODE, "H&E", seed=GLASS_SEED))

    @cached_property
    def seen(self) -> Seen:
        """The glass, photographed once for all checks."""
        self.put_glass()
        job_id = self.new_job()
        status = self.snap(job_id)
        expect(
            status.state == "done",
            f"a snapshot of good glass ended {status.state!r}: {status.code} {status.message}",
        )
        result, macro, label = self.scanner.collect(job_id)
        return Seen(result, decoded("macro", macro), decoded("label", label))

    @cached_property
    def middle(self) -> FocusPoint:
        """A place in the tissue."""
        return self._points[0]

    @cached_property
    def _points(self) -> tuple[FocusPoint, ...]:
        if self.target.at_um is not None:
            x, y = self.target.at_um
            step = self.info.field_width * self.info.pixel_size_um
            return tuple(FocusPoint(x + dx * step, y + dy * step) for dx, dy in ((0, 0), (1, 0), (0, 1)))
        result = self.seen.result
        found = propose(self.seen.macro, result.um_per_px, (result.origin_x_um, result.origin_y_um))
        expect(bool(found.points), "no tissue can be seen on the macro photograph")
        return found.points

    def plan(self, columns: int = 2, rows: int = 2, **changes: Any) -> ScanPlan:
        """Fields in the middle of the tissue, focused where a snapshot shows tissue."""
        info = self.info
        steps = (columns, rows)
        sides = (info.field_width, info.field_height)
        width, height = (
            (1 + 0.9 * (n - 1)) * side * info.pixel_size_um for n, side in zip(steps, sides, strict=True)
        )
        area = Rect(self.middle.x_um - width / 2, self.middle.y_um - height / 2, width, height)
        if "brightfield" not in info.modalities:
            changes = {"modality": "fluorescence", "channels": info.channels} | changes
        values: dict[str, Any] = {"channels": RGB, "magnification": info.magnification} | changes
        return ScanPlan(area, self._points, *sides, info.pixel_size_um, **values)

    def new_job(self) -> str:
        self._jobs.append(uuid.uuid4().hex)
        return self._jobs[-1]

    def snap(self, job_id: str) -> JobStatus:
        return self.scanner.snap(job_id, *self.slot, wait=True, timeout_s=JOB_S)

    def scan(self, job_id: str, plan: ScanPlan, proxy: Proxy, *, fence: int = 1, barcode: str = "") -> None:
        carousel, slot = self.slot
        self.scanner.scan(
            job_id,
            fence=fence,
            carousel=carousel,
            slot=slot,
            slide_id=uuid.uuid4().hex,
            plan=plan,
            proxy=proxy.endpoint,
            barcode=barcode,
        )

    @contextmanager
    def proxy(self, **behaviour: Any) -> Iterator[Proxy]:
        """A slide proxy of the kit's own."""
        self.put_glass()
        with Proxy(self.target.proxy, security=self.target.proxy_security, **behaviour) as proxy:
            yield proxy

    def end_of(self, job_id: str, timeout_s: float = JOB_S) -> JobStatus:
        return self.scanner.wait(job_id, timeout_s=timeout_s)

    def soon(self, condition: Callable[[], bool]) -> bool:
        """Whether it came true while the kit had patience; the scanner hears of us meanwhile."""
        return self.wait(self.target.patience_s, condition)

    def wait(self, within_s: float, condition: Callable[[], bool] = lambda: False) -> bool:
        """The same in another time; without a condition only time passes."""
        end = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > end:
                return False
            self.scanner.beat("conformance")
            time.sleep(_LOOK_S)
        return True

    def settle(self) -> None:
        """Leave nothing running for the next check."""
        for job_id in self._jobs:
            try:
                if self.scanner.job(job_id).state == "running":
                    self.scanner.resume(job_id)
                    self.scanner.abort(job_id, "the check is over")
                    self.scanner.wait(job_id, timeout_s=self.target.patience_s)
            except (WireError, TypeError):  # that is for the checks to say
                continue
            except Exception as error:
                if getattr(error, "code", "") != "unknown_job":
                    raise
        self._jobs.clear()


def decoded(name: str, picture: bytes) -> Picture:
    pixels = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR_RGB) if picture else None
    if pixels is None:
        raise Wrong(f"the {name} frame is no picture that can be decoded")
    return np.asarray(pixels, np.uint8)


def expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Wrong(otherwise)


def expect_refusal(code: str, what: str, call: Callable[[], object], *, retryable: bool = False) -> None:
    """``what`` completes "it accepted …"."""
    try:
        call()
    except RemoteError as error:
        expect(error.code == code, f"refuses {what} with code {error.code!r} instead of {code!r}")
        expect(error.retryable == retryable, f"calls {code!r} retryable={error.retryable} for {what}")
    else:
        raise Wrong(f"accepted {what}, which must be refused with {code!r}")
