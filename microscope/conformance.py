"""Does what answers at an endpoint keep the scanner protocol? Every check says in words what is wrong.

The kit uses the protocol alone. Where the scanner has the capability "hands" it places glass of its own in
the last slot and photographs it; without it, only checks that need no glass are made.
"""

import re
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlparse

import cv2
import numpy as np

from microscope.client import ScannerClient
from microscope.errors import UnknownJob
from microscope.focus import propose
from microscope.messages import PROTOCOL, Glass, JobStatus, ScannerInfo
from microscope.plan import Rect, ScanPlan
from vslide.messages import STREAM, PlaneHeader, RunWelcome
from vslide.model import PlaneId
from wire import Receiver, RemoteError, WireError

_BARCODE = "CONFORMANCE-1"
_JOB_TIMEOUT_S = 120.0
_PLACE_MISSED_UM = 10.0
_CODE = re.compile(r"[a-z][a-z_]*")


class Wrong(Exception):
    """A check's finding."""


@dataclass
class _Bench:
    scanner: ScannerClient
    endpoint: str
    info: ScannerInfo

    @property
    def slot(self) -> tuple[int, int]:
        return self.info.carousels, self.info.slots

    def snap(self, job_id: str) -> JobStatus:
        return self.scanner.snap(job_id, *self.slot, wait=True, timeout_s=_JOB_TIMEOUT_S)


Check = Callable[[_Bench], None]


def check_all(endpoint: str) -> Iterator[tuple[str, str | None]]:
    """Make every check; yields (what was checked, what is wrong or None)."""
    with ScannerClient(endpoint) as scanner:
        try:
            bench = _Bench(scanner, endpoint, scanner.describe())
        except WireError as error:
            yield "answers Describe", f"{error.code}: {error}"
            return
        yield "answers Describe", None
        checks = _ALWAYS + (_WITH_HANDS if "hands" in bench.info.capabilities else ())
        for name, check in checks:
            yield name, _made(check, bench)


def _made(check: Check, bench: _Bench) -> str | None:
    try:
        check(bench)
    except Wrong as wrong:
        return str(wrong)
    except UnknownJob as error:
        return f"forgot job {error} that it had accepted"
    except WireError as error:
        return f"answered with {error.code}: {error}"
    return None


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Wrong(otherwise)


def _expect_refusal(code: str, call: Callable[[], object]) -> None:
    try:
        call()
    except RemoteError as error:
        _expect(error.code == code, f"refused with code {error.code!r} instead of {code!r}")
    else:
        raise Wrong(f"did what it should refuse with code {code!r}")


def _describes_itself(bench: _Bench) -> None:
    info = bench.info
    _expect(info.protocol == PROTOCOL, f"speaks protocol {info.protocol}, not {PROTOCOL}")
    _expect(info.field_width > 0 and info.field_height > 0, "fields without a size")
    _expect(info.pixel_size_um > 0, "pixel_size_um must be positive")
    _expect(info.carousels > 0 and info.slots > 0, "no carousels or slots")
    _expect(1 <= info.max_layers <= 25, f"max_layers is {info.max_layers}, 1 to 25 are possible")
    _expect(bool(info.modalities), "no modality")
    _expect("fluorescence" not in info.modalities or bool(info.channels), "fluorescence without channels")


def _gives_its_status(bench: _Bench) -> None:
    status = bench.scanner.status()
    known = ("idle", "snapping", "scanning", "paused", "stopping")
    _expect(status.state in known, f"state {status.state!r} is none of {', '.join(known)}")
    _expect(bench.scanner.beat("conformance").state in known, "Beat is not answered with the state")


def _knows_no_job_that_was_never_given(bench: _Bench) -> None:
    job_id = uuid.uuid4().hex
    state = bench.scanner.job(job_id).state
    _expect(state == "unknown", f"says {state!r} of a job that nobody gave it, not 'unknown'")
    _expect_refusal("unknown_job", lambda: bench.scanner.abort(job_id))
    _expect_refusal("unknown_job", lambda: bench.scanner.pause(job_id))
    _expect_refusal("unknown_job", lambda: bench.scanner.collect(job_id))


def _survives_foreign_bytes(bench: _Bench) -> None:
    where = urlparse(bench.endpoint)
    if where.scheme != "tcp" or where.hostname is None or where.port is None:
        return
    for rubbish in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(range(256)) * 8, b""):
        with socket.create_connection((where.hostname, where.port), timeout=5) as line:
            line.sendall(rubbish)
    bench.scanner.beat()


def _photographs_a_glass(bench: _Bench) -> None:
    bench.scanner.place(*bench.slot, Glass(_BARCODE, "H&E", seed=11))
    job_id = uuid.uuid4().hex
    status = bench.snap(job_id)
    _expect(status.state == "done", f"the snapshot ended {status.state!r}: {status.code} {status.message}")
    result, macro, label = bench.scanner.collect(job_id)
    for name, picture in (("macro", macro), ("label", label)):
        decoded = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
        _expect(decoded is not None, f"the {name} frame is no picture that can be decoded")
    _expect(result.um_per_px > 0, "um_per_px must be positive")
    _expect(
        result.barcode == _BARCODE, f"read barcode {result.barcode!r} from a label that says {_BARCODE!r}"
    )


def _does_a_job_once(bench: _Bench) -> None:
    job_id = uuid.uuid4().hex
    bench.snap(job_id)
    first = bench.scanner.collect(job_id)
    again = bench.scanner.snap(job_id, *bench.slot)
    _expect(again.state == "done", f"a job given twice is {again.state!r} again instead of 'done'")
    _expect(bench.scanner.collect(job_id) == first, "a job given twice has another result")


def _small_plan(bench: _Bench) -> ScanPlan:
    """Two by two fields in the middle of the tissue, with focus points from a snapshot."""
    bench.scanner.place(*bench.slot, Glass(_BARCODE, "H&E", seed=11))
    job_id = uuid.uuid4().hex
    bench.snap(job_id)
    result, macro, _ = bench.scanner.collect(job_id)
    picture = np.asarray(cv2.imdecode(np.frombuffer(macro, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)
    found = propose(picture, result.um_per_px, (result.origin_x_um, result.origin_y_um))
    if found.area is None:
        raise Wrong("no tissue can be seen on the macro photograph")
    info = bench.info
    width, height = (1.5 * side * info.pixel_size_um for side in (info.field_width, info.field_height))
    middle = found.points[0]
    area = Rect(middle.x_um - width / 2, middle.y_um - height / 2, width, height)
    return ScanPlan(area, found.points, info.field_width, info.field_height, info.pixel_size_um)


def _scan(bench: _Bench, plan: ScanPlan, durable: list[PlaneId]) -> list[PlaneHeader]:
    """Scan the last slot into a proxy of our own; every plane that arrived, resent ones once."""
    job_id = uuid.uuid4().hex
    arrived: dict[int, PlaneHeader] = {}
    with Receiver("tcp://127.0.0.1:*", STREAM) as proxy:
        bench.scanner.scan(
            job_id,
            fence=2,
            carousel=bench.info.carousels,
            slot=bench.info.slots,
            slide_id=uuid.uuid4().hex,
            plan=plan,
            proxy=proxy.endpoint,
        )
        _expect_refusal("stale_fence", lambda: _with_lower_fence(bench, job_id, plan, proxy.endpoint))
        deadline = time.monotonic() + _JOB_TIMEOUT_S
        while (status := bench.scanner.job(job_id)).state == "running" and time.monotonic() < deadline:
            for arrival in proxy.poll(0.05):
                if arrival.seq is None:
                    proxy.welcome(arrival.peer, RunWelcome(run_id=job_id, durable=durable))
                elif isinstance(arrival.message, PlaneHeader):
                    arrived[arrival.seq] = arrival.message
                    proxy.ack(arrival.peer, [arrival.seq])
    _expect(status.state == "done", f"the scan ended {status.state!r}: {status.code} {status.message}")
    return list(arrived.values())


def _with_lower_fence(bench: _Bench, job_id: str, plan: ScanPlan, proxy: str) -> None:
    carousel, slot = bench.slot
    bench.scanner.scan(
        job_id, fence=1, carousel=carousel, slot=slot, slide_id=uuid.uuid4().hex, plan=plan, proxy=proxy
    )


def _expected(plan: ScanPlan) -> dict[PlaneId, tuple[float, float]]:
    return {
        (field.key.r, field.key.c, field.key.z, field.key.t, channel): (field.x_um, field.y_um)
        for field in plan.fields()
        for channel in range(plan.planes)
    }


def _delivers_every_plane_once(bench: _Bench) -> None:
    plan = _small_plan(bench)
    places = _expected(plan)
    planes = _scan(bench, plan, [])
    keys = [(plane.r, plane.c, plane.z, plane.t, plane.channel) for plane in planes]
    _expect(len(keys) == len(set(keys)), f"{len(keys) - len(set(keys))} planes came twice under new numbers")
    _expect(set(keys) == set(places), f"{len(set(places) - set(keys))} of {len(places)} planes did not come")
    for key, plane in zip(keys, planes, strict=True):
        missed = max(abs(plane.x_um - places[key][0]), abs(plane.y_um - places[key][1]))
        _expect(missed < _PLACE_MISSED_UM, f"plane {key} was taken {missed:.0f} µm from its place")


def _leaves_out_what_is_durable(bench: _Bench) -> None:
    plan = _small_plan(bench)
    wanted = sorted(_expected(plan))
    planes = _scan(bench, plan, wanted[: len(wanted) // 2])
    keys = sorted((plane.r, plane.c, plane.z, plane.t, plane.channel) for plane in planes)
    _expect(
        keys == wanted[len(wanted) // 2 :],
        f"{len(keys)} planes came, {len(wanted) - len(wanted) // 2} were missing",
    )


def _says_that_a_slot_is_empty(bench: _Bench) -> None:
    bench.scanner.place(*bench.slot, None)
    status = bench.snap(uuid.uuid4().hex)
    _expect(status.state == "failed", f"a snapshot of an empty slot ended {status.state!r}")
    _expect(status.code == "empty_slot", f"failed with code {status.code!r} instead of 'empty_slot'")
    _expect(not status.retryable, "an empty slot is called retryable")
    _expect(
        bool(_CODE.fullmatch(status.code)) and bool(status.message), "a failure needs a code and a message"
    )


_ALWAYS: tuple[tuple[str, Check], ...] = (
    ("describes itself", _describes_itself),
    ("gives its status", _gives_its_status),
    ("knows no job that was never given", _knows_no_job_that_was_never_given),
    ("survives foreign bytes on its command port", _survives_foreign_bytes),
)
_WITH_HANDS: tuple[tuple[str, Check], ...] = (
    ("photographs a glass and reads its barcode", _photographs_a_glass),
    ("does a job once, however often it is given", _does_a_job_once),
    ("delivers every plane of a plan once, and refuses a lower fence", _delivers_every_plane_once),
    ("leaves out what is durable already", _leaves_out_what_is_durable),
    ("says that a slot is empty", _says_that_a_slot_is_empty),
)
