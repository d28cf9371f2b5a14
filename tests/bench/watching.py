"""Twenty browsers before the board of one night: a web server, its streams, and hands that change slides."""

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from django.test import Client

from lims.models import Batch
from lims.services import advance
from lims.states import State
from scanning.models import Attempt, Night
from tests.lims.making import hands
from tests.scanning.making import running_night

EVERY_S = 0.2
PATIENCE_S = 5.0


@dataclass
class Browser:
    """Reads a stream as a page does."""

    port: int
    path: str
    cookie: str
    heard: list[tuple[float, dict[str, str]]] = field(default_factory=list)
    ready: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.stream = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        self.stream.request("GET", f"{self.path}events/", headers={"Cookie": self.cookie})
        answer = self.stream.getresponse()
        with suppress(OSError, ValueError, AttributeError, http.client.HTTPException):  # closed by `leave`
            for line in answer:
                if line.startswith(b"data: {"):
                    self.heard.append((time.monotonic(), json.loads(line[6:])))
                elif line.startswith(b"data: "):
                    self.ready.set()

    def leave(self) -> None:
        if self.stream.sock:
            self.stream.sock.shutdown(socket.SHUT_RDWR)
        self.stream.close()

    def told(self, change: "Change") -> float | None:
        """How long after the change (ms) it heard that the slot says so, or says already what came next."""
        for at, parts in self.heard:
            html = parts.get(change.key, "")
            if at >= change.at and any(words in html for words in change.words):
                return 1e3 * (at - change.at)
        return None


@dataclass(frozen=True)
class Change:
    """`words`: what the slot says from this moment on, then what it says later."""

    key: str
    words: Sequence[str]
    at: float


@contextmanager
def web_server() -> Iterator[tuple[int, psutil.Process]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port)]
    argv += ["--lifespan", "off", "--no-access-log", "--log-level", "warning"]
    server = subprocess.Popen([*argv, "--timeout-graceful-shutdown", "2"])
    try:
        _until_it_answers(port)
        yield port, psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(30)


def _until_it_answers(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise TimeoutError("the web server did not come up")


SAID = ("0/60", "30/60", "Building", State.SCANNED.label)


def steps(attempt: Attempt) -> Iterator[None]:
    """What happens to one slide, so that its slot says one after the other what stands above."""
    row = Attempt.objects.filter(pk=attempt.pk)
    advance(slide=attempt.slide, to=State.SCANNING)
    row.update(state=Attempt.State.RUNNING, planned_planes=60)
    yield
    row.update(done_planes=30)
    yield
    row.update(state=Attempt.State.ACQUIRED, done_planes=60)
    yield
    row.update(state=Attempt.State.DONE)
    advance(slide=attempt.slide, to=State.SCANNED)
    yield


def changes(night: Night, count: int) -> list[Change]:
    """Change slides one step at a time, five times a second."""
    done: list[Change] = []
    attempts = Attempt.objects.filter(night=night).select_related("slide", "slot__carousel").order_by("order")
    for attempt in attempts:
        key = f"slot-{attempt.slot.carousel.number}-{attempt.slot.position}"
        for number, _ in enumerate(steps(attempt)):
            done.append(Change(key, SAID[number:], time.monotonic()))
            if len(done) == count:
                return done
            time.sleep(EVERY_S)
    return done


def measured(night: Night, count: int, browsers: int) -> dict[str, list[float]]:
    client = Client()
    client.force_login(hands())
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    with web_server() as (port, server):
        watching = [Browser(port, f"/scan/batches/{night.batch_id}/", cookie) for _ in range(browsers)]
        for one in watching:
            assert one.ready.wait(60), "a stream did not begin"
        time.sleep(1)
        began, spent = time.monotonic(), sum(server.cpu_times()[:2])
        done = changes(night, count)
        cpu = 100 * (sum(server.cpu_times()[:2]) - spent) / (time.monotonic() - began)
        time.sleep(PATIENCE_S)
        found = [one.told(change) for change in done for one in watching]
        for one in watching:
            one.leave()
        left = _left(server)
    updates = [ms for ms in found if ms is not None]
    return {"updates": updates, "lost": [len(found) - len(updates)], "cpu": [cpu], "left": [left]}


def _left(server: psutil.Process) -> int:
    """Connections that the server still holds a moment after the browsers have gone."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        held = [one for one in server.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]
        if not held:
            return 0
        time.sleep(0.2)
    return len(held)


def main(arguments: Sequence[str]) -> None:
    slides, browsers, count = (int(word) for word in arguments[:3])
    night = running_night(slides)
    Batch.objects.filter(pk=night.batch_id).update(phase=Batch.Phase.NIGHT)
    Path(arguments[3]).write_text(json.dumps(measured(night, count, browsers)), encoding="utf-8")
