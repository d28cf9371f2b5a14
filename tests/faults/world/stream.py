"""The pixels' way from scanner to slide service, as `vslide.sink.ProxySink` keeps it: what is sent is sent
again until it is acknowledged. The ledger remembers every acknowledgement that the scanner has heard.
"""

from dataclasses import dataclass, field

from tests.faults.world.hub import Hub
from tests.faults.world.service import SlideService
from vslide.model import PlaneId
from wire import PeerLost

WINDOW = 12  # planes
LOST_AFTER_S = 30.0
FLUSH_S = 60.0
AGAIN_S = 0.5


@dataclass
class Ledger:
    """What the slide service has promised to keep: {run: {plane: pixels}}."""

    acknowledged: dict[str, dict[PlaneId, str]] = field(default_factory=dict)

    def note(self, run_id: str, plane: PlaneId, pixels: str) -> None:
        self.acknowledged.setdefault(run_id, {})[plane] = pixels


@dataclass
class PixelWire:
    """The network between one scanner and the slide service. `deaf`: how often an acknowledgement is lost."""

    hub: Hub
    service: SlideService
    ledger: Ledger
    cut_until: float = 0.0
    deaf: float = 0.0

    @property
    def open(self) -> bool:
        return self.hub.now >= self.cut_until and self.service.up


class Stream:
    """One scan's pixels. Raises PeerLost after half a minute of silence, Refused when they are not wanted."""

    def __init__(self, wire: PixelWire, run_id: str, fence: int) -> None:
        self._wire, self._run_id, self._fence = wire, run_id, fence
        self._waiting: dict[PlaneId, str] = {}
        self._heard = wire.hub.now
        while not self._answered:
            self._wait()
        self.durable = wire.service.welcome(run_id, fence)

    @property
    def _answered(self) -> bool:
        return self._wire.open and self._wire.service.listening(self._run_id)

    def put(self, plane: PlaneId, pixels: str) -> None:
        self._waiting[plane] = pixels
        self._send()
        while len(self._waiting) >= WINDOW:
            self._wait()
            self._send()

    def flush(self) -> None:
        until = self._wire.hub.now + FLUSH_S
        while self._waiting:
            if self._wire.hub.now > until:
                raise PeerLost("not everything was acknowledged")
            self._wait()
            self._send()

    def _wait(self) -> None:
        hub = self._wire.hub
        if hub.now - self._heard > LOST_AFTER_S:
            raise PeerLost("the proxy is silent")
        hub.sleep(AGAIN_S)

    def _send(self) -> None:
        if not self._answered:
            return
        wire = self._wire
        for plane, pixels in list(self._waiting.items()):
            wire.service.receive(self._run_id, self._fence, plane, pixels)
            if wire.deaf and wire.hub.random.random() < wire.deaf:
                continue
            self._heard = wire.hub.now
            del self._waiting[plane]
            wire.ledger.note(self._run_id, plane, pixels)
