"""Where the slide writers listen for pixels, under which name scanners find them, and who may come in."""

import logging
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from vslide.messages import STREAM
from wire import CannotBind, Receiver, Security, refuse_open

log = logging.getLogger(__name__)
ANY_PORT = "tcp://127.0.0.1:*"
EVERYWHERE = frozenset({"0.0.0.0", "*", "[::]"})  # noqa: S104  named so that they can be refused
BIND_S = 5.0
LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Proxies:
    """``endpoint`` is bound anew for every run. ``host`` is the name that scanners are told where they see
    another one than we do: behind address translation, or out of a container.
    """

    endpoint: str = ANY_PORT
    host: str = ""
    security: Security | None = None

    def check(self) -> None:
        """Before the first scan, not in mid-night. Raises ``Insecure``, and ``CannotBind`` for an address
        that scanners could not be told.
        """
        refuse_open(self.endpoint, self.security)
        if _host(self.endpoint) in EVERYWHERE and not self.host:
            raise CannotBind(f"{self.endpoint} is no address to send pixels to: name the host for scanners")

    def receiver(self, before: str) -> Receiver:
        """Where the last writer of this run listened, or anywhere when somebody else has that port now."""
        until = time.monotonic() + BIND_S
        while time.monotonic() < until:
            try:
                return Receiver(before, STREAM, security=self.security)
            except CannotBind as error:
                log.warning("%s", error)
                time.sleep(LOOK_S)
        return Receiver(self.endpoint, STREAM, security=self.security)

    def told(self, bound: str) -> str:
        """What a scanner is told of a writer that listens at ``bound``."""
        return bound.replace(_host(bound), self.host, 1) if self.host else bound


def _host(endpoint: str) -> str:
    """With the brackets of a version 6 address."""
    return urlsplit(endpoint).netloc.rpartition(":")[0]
