"""`python -m vslide serve`: the slide service as a process. One manager for each store; a second one is
refused.
"""

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from vslide.errors import SlideError
from vslide.keys import ENVIRONMENT
from vslide.manager import RESERVE_BYTES, Manager
from vslide.messages import REQUESTS
from vslide.orders import LOCK_NAME, locked
from vslide.proxies import ANY_PORT, Proxies
from wire import Security, Server, WireError

log = logging.getLogger(__name__)
LOOK_S = 0.1


class RootTaken(SlideError):
    """Another manager works on this store."""

    code = "root_taken"


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m vslide serve --root DIR --endpoint tcp://127.0.0.1:PORT`"""
    parser = argparse.ArgumentParser(prog="python -m vslide serve", description="The slide service.")
    parser.add_argument("--root", type=Path, required=True, help="journals/ and slides/ are kept here")
    parser.add_argument("--endpoint", required=True)
    parser.add_argument(
        "--reserve-mib", type=int, default=RESERVE_BYTES >> 20, help="disk space to keep free"
    )
    parser.add_argument("--keys", type=Path, help=f"the keys of sealed slides (default: ${ENVIRONMENT})")
    parser.add_argument("--curve", type=Path, help="our CURVE key pair (python -m wire keys FILE)")
    parser.add_argument(
        "--allow",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="public keys of those who may ask, or folders of them; read anew for every connection",
    )
    parser.add_argument(
        "--proxies", default=ANY_PORT, metavar="ENDPOINT", help="where the pixels of a scan come in"
    )
    parser.add_argument("--proxy-host", default="", help="the name of that place for scanners, if another")
    options = parser.parse_args(argv)
    if bool(options.curve) != bool(options.allow):
        parser.error("--curve and --allow belong together")
    if options.keys:
        os.environ[ENVIRONMENT] = str(options.keys.absolute())  # writers and verifiers are our children
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        security = Security.of_server(options.curve, options.allow) if options.curve else None
        proxies = Proxies(options.proxies, options.proxy_host, security)
        reserve = options.reserve_mib << 20
        serve(options.root, options.endpoint, stop, reserve_bytes=reserve, proxies=proxies, security=security)
    except (RootTaken, WireError, OSError) as error:
        log.error("%s: %s", getattr(error, "code", "os_error"), error)
        return 1
    return 0


def serve(
    root: Path,
    endpoint: str,
    stop: threading.Event,
    *,
    reserve_bytes: int = RESERVE_BYTES,
    proxies: Proxies | None = None,
    security: Security | None = None,
) -> None:
    """Answer until ``stop`` is set. ``security`` is for the requests, that of ``proxies`` for the pixels.
    Raises RootTaken, wire.CannotBind, wire.Insecure.
    """
    if proxies is not None:
        proxies.check()
    root = root.absolute()
    with locked(root / LOCK_NAME) as mine:
        if not mine:
            raise RootTaken(f"another slide service works on {root}")
        manager = Manager(root, reserve_bytes=reserve_bytes, proxies=proxies)
        try:
            with Server(endpoint, REQUESTS, security=security) as server:
                manager.find_runs()
                log.info("the slide service answers at %s", server.endpoint)
                _answer(server, manager, stop)
        finally:
            manager.close()


def _answer(server: Server, manager: Manager, stop: threading.Event) -> None:
    looked = 0.0
    while not stop.is_set():
        manager.garbage = server.garbage
        server.serve_once(manager.handle, LOOK_S)
        if time.monotonic() - looked > LOOK_S:
            manager.supervise()
            looked = time.monotonic()


if __name__ == "__main__":
    sys.exit(main())
