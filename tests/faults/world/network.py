"""The wires: every request of the laboratory's clients crosses one, and some wires are cut."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from microscope import MicroscopeError
from tests.faults.world.hub import Hub
from vslide import SlideError
from wire import Message, RemoteError, Timeout

Reply = tuple[Message, list[bytes]]
THERE_AND_BACK_S = 0.002


class Server(Protocol):
    """What answers at the other end."""

    @property
    def up(self) -> bool: ...

    def handle(self, request: Message) -> Reply: ...


@dataclass
class Wire:
    """The way to one server. `untold`, `again`: how often its answer is lost, or a request carried out twice
    (its server was restarted in between, and does not know the request's id any more).
    """

    hub: Hub
    server: Server
    cut_until: float = 0.0
    untold: float = 0.0
    again: float = 0.0
    before: Callable[[Message], None] = lambda request: None

    @property
    def open(self) -> bool:
        return self.hub.now >= self.cut_until and self.server.up

    def ask(self, request: Message, patience_s: float) -> Reply:
        self.hub.sleep(THERE_AND_BACK_S)
        self.before(request)
        if not self.open:
            return self._silence(request, patience_s)
        chance = self.hub.random.random()
        reply = self._handled(request)
        if chance < self.untold:
            return self._silence(request, patience_s)
        if chance < self.untold + self.again:
            self.hub.sleep(patience_s / 3)
            return self._handled(request) if self.open else self._silence(request, patience_s)
        return reply

    def _silence(self, request: Message, patience_s: float) -> Reply:
        self.hub.sleep(patience_s)
        raise Timeout(f"no answer to {type(request).__name__}")

    def _handled(self, request: Message) -> Reply:
        """An error of the server's travels as the real one packs it."""
        try:
            return self.server.handle(request)
        except (MicroscopeError, SlideError) as error:
            raise RemoteError(str(error), code=error.code, retryable=error.retryable) from error


class Network:
    """Which server answers at which endpoint."""

    def __init__(self) -> None:
        self.wires: dict[str, Wire] = {}

    def client(self, endpoint: str, replies: Sequence[type[Message]], **options: Any) -> "Client":
        return Client(self.wires[endpoint], **options)


class Client:
    """Stands where `wire.Client` stands."""

    def __init__(self, wire: Wire, *, timeout_s: float = 5.0, retries: int = 2, **others: object) -> None:
        self._wire, self._patience_s = wire, timeout_s * (retries + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held."""

    def call(self, request: Message, frames: Sequence[bytes] = (), **options: object) -> Reply:
        return self._wire.ask(request, self._patience_s)
