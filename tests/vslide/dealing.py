"""Dealers for the tests, each in threads of this process, and slides for them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.vslide.slides import Specimen, publish
from tests.wire.making import again
from vslide.dealer import Dealer
from vslide.remote import DealerLink
from vslide.remote.messages import REQUESTS
from wire import ReadServer, Security

ANYWHERE = "tcp://127.0.0.1:*"
RESERVED = f"ipc://@nocturne-test-{os.getpid()}"  # Linux: a name, and no file


@dataclass(frozen=True)
class Kept:
    """A published slide below `root`."""

    root: Path
    name: str
    specimen: Specimen


def keep(root: Path, specimen: Specimen) -> Kept:
    return Kept(root, str(publish(root, specimen).path.relative_to(root)), specimen)


@contextmanager
def dealt(
    root: Path | None,
    *,
    behind: Sequence[str] = (),
    at: str = ANYWHERE,
    patience_s: float = 2.0,
    security: Security | None = None,
) -> Iterator[str]:
    """A dealer; its endpoint."""
    with ExitStack() as stack:
        links = [stack.enter_context(DealerLink(one, timeout_s=patience_s, retries=0)) for one in behind]
        dealer = stack.enter_context(closing(Dealer(root, links)))
        server = again(
            lambda: ReadServer(at, REQUESTS, dealer.handle, workers=dealer.workers, security=security)
        )
        yield stack.enter_context(server).endpoint
