"""Real processes: a scanner that is killed in the middle of a scan, and one that is asked to go."""

import re
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import cv2
import numpy as np
import pytest

from microscope.client import ScannerClient
from microscope.focus import propose
from microscope.messages import Glass
from microscope.plan import ScanPlan
from vslide.messages import STREAM, PlaneHeader, RunWelcome
from wire import Receiver

READY = re.compile(r"ready at (\S+), events at (\S+)")


class Scanner:
    """``python -m microscope serve`` and a client."""

    def __init__(self, state: Path, *options: str) -> None:
        command = [sys.executable, "-m", "microscope", "serve", "--state", str(state), "--failure-rate", "0"]
        ports = ["--endpoint", "tcp://127.0.0.1:*", "--events", "tcp://127.0.0.1:*"]
        self.process = subprocess.Popen([*command, *ports, *options], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        found = READY.search(self.process.stdout.readline())
        assert found
        self.client = ScannerClient(found[1])

    def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        self.client.close()
        self.process.send_signal(number)
        code = self.process.wait(20)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


class Proxy:
    """A slide proxy that keeps its planes in memory and survives the scanner."""

    def __init__(self) -> None:
        self.planes: dict[tuple[int, int, int, int, int], list[bytes]] = {}
        self.differing = 0
        self.welcomed: list[int] = []
        self._receiver = Receiver("tcp://127.0.0.1:*", STREAM)
        self.endpoint = self._receiver.endpoint
        self._stop = threading.Event()
        self._enough = threading.Event()
        self._wanted = 0
        self._thread = threading.Thread(target=self._receive)
        self._thread.start()

    def wait_for(self, planes: int) -> None:
        self._wanted = planes
        assert self._enough.wait(40)

    def _receive(self) -> None:
        while not self._stop.is_set():
            for arrival in self._receiver.poll(0.02):
                message = arrival.message
                if isinstance(message, PlaneHeader):
                    key = (message.r, message.c, message.z, message.t, message.channel)
                    chunks = [bytes(frame) for frame in arrival.frames]
                    self.differing += self.planes.setdefault(key, chunks) != chunks
                    self._receiver.ack(arrival.peer, [arrival.seq or 0])
                else:
                    self.welcomed.append(len(self.planes))
                    self._receiver.welcome(arrival.peer, RunWelcome(run_id="", durable=sorted(self.planes)))
            if self._wanted and len(self.planes) >= self._wanted:
                self._enough.set()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._receiver.close()


@pytest.fixture
def proxy():
    made = Proxy()
    yield made
    made.close()


def planned(client: ScannerClient) -> ScanPlan:
    job_id = uuid.uuid4().hex
    assert client.snap(job_id, 1, 1, wait=True).state == "done"
    result, macro, _ = client.collect(job_id)
    picture = cv2.imdecode(np.frombuffer(macro, np.uint8), cv2.IMREAD_COLOR_RGB)
    found = propose(np.asarray(picture, np.uint8), result.um_per_px, (result.origin_x_um, result.origin_y_um))
    assert found.area is not None
    info = client.describe()
    return ScanPlan(found.area, found.points, info.field_width, info.field_height, info.pixel_size_um)


def test_a_scanner_killed_in_mid_scan_goes_on_where_it_was(tmp_path, proxy):
    first = Scanner(tmp_path, "--time-scale", "0.3")
    job = {"carousel": 1, "slot": 1, "slide_id": uuid.uuid4().hex, "proxy": proxy.endpoint}
    try:
        first.client.place(1, 1, Glass("S26-1-A1", "H&E", 5))
        plan = planned(first.client)
        first.client.scan("run", fence=1, plan=plan, **job)
        proxy.wait_for(20)
    finally:
        assert first.end() == -signal.SIGKILL
    before = len(proxy.planes)
    assert before < plan.plane_count
    second = Scanner(tmp_path)
    try:
        assert second.client.job("run").state == "unknown"
        second.client.scan("run", fence=1, plan=plan, barcode="S26-1-A1", **job)
        assert second.client.wait("run", timeout_s=40).state == "done"
    finally:
        second.end()
    assert len(proxy.planes) == plan.plane_count
    assert proxy.welcomed[0] == 0
    assert proxy.welcomed[-1] >= 20
    assert proxy.differing == 0


def test_a_scanner_that_is_asked_to_go_goes_in_the_middle_of_a_scan(tmp_path, proxy):
    scanner = Scanner(tmp_path, "--time-scale", "0.3")
    scanner.client.place(1, 1, Glass("S26-1-A1", "H&E", 5))
    plan = planned(scanner.client)
    scanner.client.scan(
        "run",
        fence=1,
        carousel=1,
        slot=1,
        slide_id=uuid.uuid4().hex,
        plan=plan,
        proxy=proxy.endpoint,
        barcode="",
    )
    assert scanner.client.beat().state == "scanning"
    assert scanner.end(signal.SIGTERM) == 0


def test_the_command_line_checks_a_scanner_and_says_when_there_is_none(tmp_path):
    scanner = Scanner(tmp_path)
    try:
        endpoint = scanner.client._rpc._endpoint
        some = ["--only", "describes itself", "gives its status"]
        for command, more, word in (
            ("status", [], '"simulated"'),
            ("conformance", some, "conforms to protocol 1: 3 checks hold"),
        ):
            done = subprocess.run(
                [sys.executable, "-m", "microscope", command, "--endpoint", endpoint, *more],
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            assert word in done.stdout
    finally:
        scanner.end()
    gone = subprocess.run(
        [sys.executable, "-m", "microscope", "status", "--endpoint", endpoint], capture_output=True, text=True
    )
    assert gone.returncode == 1
    assert "timeout" in gone.stderr
