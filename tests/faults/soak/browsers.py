"""Browsers before the boards of a night: what each is told, and how long after the record has it."""

import contextlib
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

AGAIN_S = 1.0
SILENCE_S = 60.0  # the server gives a sign of life every fifteen
WITHIN_S = 15.0  # later than this a change is lost
FIELDS = re.compile(r"\d+/\d+")  # how many of a slide that is being scanned
LABEL = re.compile(r"</span> ([^<]*)</span>")


@dataclass(frozen=True, slots=True)
class Change:
    """A slide's step, as its event in the record has it. `labels`: what its slot says from then on."""

    at: float
    slot: str
    labels: frozenset[str]


@dataclass
class Browser:
    """One stream of server-sent events, taken up again when it breaks. Times are the wall clock's."""

    port: int
    batch: int
    cookie: str
    told: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    stays: list[list[float]] = field(default_factory=list)  # from when to when it was connected
    looked: list[float] = field(default_factory=list)  # when it was told to look at the whole page

    def __post_init__(self) -> None:
        self._left = threading.Event()
        self._stream: http.client.HTTPConnection | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def leave(self) -> None:
        self._left.set()
        stream = self._stream
        with contextlib.suppress(OSError):
            if stream is not None and stream.sock is not None:
                stream.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)

    def _watch(self) -> None:
        while not self._left.is_set():
            stream = self._stream = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SILENCE_S)
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                self._listen(stream)
            stream.close()
            self._left.wait(AGAIN_S)

    def _listen(self, stream: http.client.HTTPConnection) -> None:
        stream.request("GET", f"/scan/batches/{self.batch}/events/", headers={"Cookie": self.cookie})
        answer = stream.getresponse()
        if answer.status != http.client.OK or "event-stream" not in answer.headers.get("Content-Type", ""):
            return
        stay = [time.time(), float("inf")]
        self.stays.append(stay)
        try:
            for line in answer:
                self._hear(line)
        finally:
            stay[1] = time.time()

    def _hear(self, line: bytes) -> None:
        now = time.time()
        if line.startswith(b"data: {"):
            for name, html in json.loads(line[6:]).items():
                if name.startswith("slot-") and (said := LABEL.search(html)):
                    label = "Scanning" if FIELDS.fullmatch(said[1]) else said[1]
                    self.told.setdefault(name, []).append((now, label))
        elif line.startswith(b"data: "):
            self.looked.append(now)

    def late_ms(self, change: Change) -> float | None:
        """How long after the change this browser knew; None when it never did."""
        heard = [at for at, label in self.told.get(change.slot, ()) if label in change.labels]
        later = [at for at in (*heard, *self.looked) if at >= change.at]
        late = min(later, default=float("inf")) - change.at
        return 1e3 * late if late <= WITHIN_S else None

    def was_there(self, change: Change) -> bool:
        """Whether its stream lived from before the change until long after."""
        return any(start <= change.at and change.at + WITHIN_S <= end for start, end in self.stays)


def board(browsers: Sequence[Browser], changes: Mapping[int, Iterable[Change]]) -> dict[str, float]:
    """The figures of all browsers together. `changes` by batch."""
    found, lost = [], 0
    for browser in browsers:
        seen = [change for change in changes.get(browser.batch, ()) if browser.was_there(change)]
        late = [browser.late_ms(change) for change in seen]
        found += [ms for ms in late if ms is not None]
        lost += late.count(None)
    figures = {
        "browsers": float(len(browsers)),
        "updates": float(len(found)),
        "lost": float(lost),
        "streams_begun": float(sum(len(browser.stays) for browser in browsers)),
    }
    if len(found) > 1:
        figures |= {"p50_ms": round(median(found), 1), "p95_ms": round(quantiles(found, n=20)[-1], 1)}
    return figures
