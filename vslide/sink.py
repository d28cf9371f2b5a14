"""Where a runner puts its pixels: the sending end of the stream to a slide's proxy."""

from types import TracebackType
from typing import Self

from vslide.messages import WELCOMES, PlaneHeader, RunWelcome, StreamRun
from vslide.model import FieldKey, Plane
from wire import Security, Sender

WINDOW_BYTES = 64 << 20


class ProxySink:
    """Sends planes to the proxy of one run and keeps each until it is acknowledged.

    ``durable`` holds the (key, channel) of the planes that were safe when the stream began. Raises
    ``wire.Refused`` (code ``stale_fence``, ``conflict``, ``disk_full`` …) when the proxy does not want the
    pixels, ``wire.PeerLost`` when it stays silent. One thread at a time.
    """

    def __init__(
        self,
        endpoint: str,
        run_id: str,
        fence: int,
        *,
        window_bytes: int = WINDOW_BYTES,
        lost_after_s: float = 30.0,
        security: Security | None = None,
    ) -> None:
        hello = StreamRun(run_id=run_id, fence=fence)
        self._sender = Sender(
            endpoint, hello, WELCOMES, window_bytes=window_bytes, lost_after_s=lost_after_s, security=security
        )
        welcome = self._sender.welcome
        durable = welcome.durable if isinstance(welcome, RunWelcome) else []
        self.durable = {(FieldKey(r, c, z, t), channel) for r, c, z, t, channel in durable}
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def put(self, plane: Plane) -> None:
        """Hand over one colour field of view; blocks while the window is full."""
        key = plane.key
        header = PlaneHeader(
            r=key.r,
            c=key.c,
            z=key.z,
            t=key.t,
            channel=plane.channel,
            x_um=plane.x_um,
            y_um=plane.y_um,
            z_um=plane.z_um,
        )
        self._sequence += 1
        self._sender.send(self._sequence, header, plane.chunks)

    def flush(self, timeout_s: float = 60.0) -> None:
        """Wait until every plane is safe. Raises ``wire.PeerLost`` after ``timeout_s``."""
        self._sender.drain(timeout_s)

    def close(self) -> None:
        self._sender.close()
