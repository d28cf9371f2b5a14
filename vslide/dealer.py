"""The tile dealer: a store of slides, served over ZeroMQ. The stored bytes travel as they are.

Run on the file server it is a broadcast service, on the viewer's host it is the cache and the read-ahead: a
dealer also answers for the slides of dealers behind it, and these for others behind them.
"""

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vslide.errors import DealerLost, NoSuchField, NotASlide, Outdated
from vslide.layout import positions_table
from vslide.model import PixelType, header_as_dict
from vslide.reader import SlideReader, open_slide
from vslide.readers.base import PixelCache, Pixels
from vslide.readers.mosaic import MosaicSlide
from vslide.remote import DealerLink, RemoteMosaic, RemoteSlide, open_through
from vslide.remote.link import AT_ONCE
from vslide.remote.messages import (
    REQUESTS,
    Ask,
    AskChunk,
    AskHeader,
    AskPlane,
    AskRegion,
    AskThumbnail,
    ChunkReply,
    HeaderReply,
    PixelsReply,
)
from vslide.shelf import Shelf
from wire import Busy, Message, ReadServer, Security, WireError

log = logging.getLogger(__name__)

FRAME_BYTES = 32 << 20
WORKERS = 2
"""More only wait for the interpreter's lock: on 2 cores four cost a fifth more for each tile than two."""
DECODED_BYTES = 256 << 20
"""For all open slides together: four viewer tiles of 256 px lie in a chunk, and neighbours are looked at
soon."""
MOST_HOPS = 4
BEHIND_TIMEOUT_S = 2.0

Frames = list[bytes | memoryview]


class OneSlide(PixelCache):
    """What one slide sees of a cache that all share."""

    def __init__(self, shared: PixelCache) -> None:
        self._shared = shared

    def held(self, key: Hashable) -> Pixels | None:
        return self._shared.held((self, key))

    def get(self, key: Hashable, make: Callable[[], Pixels]) -> Pixels:
        return self._shared.get((self, key), make)


class Dealer:
    """Answers for every slide below ``root``, and for those of the dealers that ``behind`` links to.

    `handle` may run in `workers` threads at once; at most `AT_ONCE` of them wait for one dealer behind, so
    that `WORKERS` are left for everything else, whoever is dead.
    """

    def __init__(self, root: Path | None, behind: Sequence[DealerLink] = ()) -> None:
        self._root = root.resolve() if root else None
        self._behind = behind
        self._shelf = Shelf()
        self._decoded = PixelCache(DECODED_BYTES)
        self.workers = WORKERS + AT_ONCE * len(behind)

    def close(self) -> None:
        self._shelf.clear()

    def handle(self, request: Message, frames: list[bytes]) -> tuple[Message, Frames]:
        if not isinstance(request, Ask):
            raise TypeError(type(request).__name__)
        with self._shelf.lend((request.slide, request.snapshot)) as reader:
            if reader is not None:
                return self._ask(request, reader)
        with self._shelf.lend(self._bring(request)) as reader:
            if reader is None:
                raise Busy("more slides are asked for than can be open at once")
            return self._ask(request, reader)

    def _ask(self, request: Ask, reader: SlideReader) -> tuple[Message, Frames]:
        try:
            with _room(reader):
                return _answer(request, reader)
        except DealerLost:  # another may hold it too, or this one after it came back
            self._shelf.remove((request.slide, request.snapshot))
            raise

    def _bring(self, request: Ask) -> tuple[str, int]:
        """Open a slide and put it on the shelf; what it stands under there."""
        opened = self._open(request)
        if isinstance(opened, MosaicSlide):
            opened.keep_in(OneSlide(self._decoded))
        key = (request.slide, snapshot_of(opened))
        self._shelf.put(key, opened)
        if not isinstance(request, AskHeader) and key[1] != request.snapshot:
            raise Outdated(f"{request.slide} has grown since it was opened")
        return key

    def _open(self, request: Ask) -> SlideReader:
        """From below our root, or else from the first dealer behind us that has it."""
        if self._root and (path := _below(self._root, request.slide)):
            return open_slide(path)
        if self._behind and request.hops >= MOST_HOPS:
            raise NotASlide("the dealers stand in a ring, or too many in a row")
        lost: DealerLost | None = None
        for link in self._behind:
            try:
                with _place(link):
                    return open_through(link, request.slide, hops=request.hops + 1)
            except NotASlide:
                continue
            except DealerLost as error:
                lost = error
        raise lost or NotASlide(f"no slide {request.slide!r} here")


def _below(root: Path, slide: str) -> Path | None:
    """A path below the root; anything that would leave the root is no slide of ours."""
    try:
        path = (root / slide).resolve()
        return path if path.is_relative_to(root) and path.exists() else None
    except (ValueError, OSError):
        return None


@contextmanager
def _place(link: DealerLink) -> Iterator[None]:
    if not link.room.acquire(blocking=False):
        raise Busy(f"{AT_ONCE} requests wait for {link.endpoint} already")
    try:
        yield
    finally:
        link.room.release()


def _room(reader: SlideReader) -> Any:
    return _place(reader.link) if isinstance(reader, RemoteSlide | RemoteMosaic) else nullcontext()


def snapshot_of(reader: SlideReader) -> int:
    """See HeaderReply."""
    return len(reader.fields) if reader.info().get("live") else 0


def _answer(request: Ask, reader: SlideReader) -> tuple[Message, Frames]:
    match request:
        case AskHeader():
            return _header(reader)
        case AskChunk(index=index, channel=channel, row=row, column=column, level=level):
            return ChunkReply(), [reader.chunk(index, channel, row, column, level=level)]
        case AskPlane(index=index, channel=channel, level=level):
            return _packed(reader.plane(index, channel, level=level))
        case AskRegion():
            return _packed(_region(request, reader))
        case AskThumbnail(max_size=max_size):
            return _packed(reader.thumbnail(max_size))
    raise TypeError(type(request).__name__)


def _region(request: AskRegion, reader: SlideReader) -> NDArray[Any]:
    if request.t and reader.kind == "vendor":
        raise NoSuchField(f"no time point {request.t}")
    when = {"t": request.t} if reader.kind == "mosaic" else {}
    return reader.region(
        request.x,
        request.y,
        request.width,
        request.height,
        level=request.level,
        channels=request.channels,
        z=request.z,
        **when,
    )


def _header(reader: SlideReader) -> tuple[Message, Frames]:
    about = HeaderReply(
        kind=reader.kind,
        header=header_as_dict(reader.header) if reader.header else None,
        size=reader.size,
        pixel_size_um=reader.pixel_size_um,
        magnification=reader.magnification,
        dtype=cast(PixelType, np.dtype(reader.dtype).name),
        channels=reader.channels,
        levels=reader.levels,
        layers=reader.layers,
        info=reader.info(),
        snapshot=snapshot_of(reader),
    )
    return about, [positions_table(reader.fields).tobytes()]


def _packed(pixels: NDArray[Any]) -> tuple[Message, Frames]:
    """Raw pixels in as many frames as a socket's limit on one frame asks for."""
    raw = np.ascontiguousarray(pixels).view(np.uint8).reshape(-1).data
    frames: Frames = [raw[at : at + FRAME_BYTES] for at in range(0, raw.nbytes, FRAME_BYTES)]
    return PixelsReply(dtype=cast(PixelType, pixels.dtype.name), shape=pixels.shape), frames


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m vslide deal --root DIR --endpoint tcp://127.0.0.1:PORT`"""
    parser = argparse.ArgumentParser(
        prog="python -m vslide deal", description="Serve slides to remote readers."
    )
    parser.add_argument(
        "--root", type=Path, help="a store of slides; without it only dealers behind are served"
    )
    parser.add_argument("--endpoint", required=True)
    parser.add_argument(
        "--behind",
        nargs="+",
        default=[],
        metavar="ENDPOINT",
        help="dealers to answer for: tcp://host:port, or tcp://host:port?keys=FILE&server=FILE",
    )
    parser.add_argument("--keys", type=Path, help="our key pair (python -m wire keys FILE)")
    parser.add_argument(
        "--allow", type=Path, nargs="+", default=[], metavar="FILE", help="public keys of those who may read"
    )
    options = parser.parse_args(argv)
    if not options.root and not options.behind:
        parser.error("nothing to serve: give --root, --behind or both")
    if bool(options.keys) != bool(options.allow):
        parser.error("--keys and --allow belong together")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        security = Security.of_server(options.keys, options.allow) if options.keys else None
        deal(options.root, options.endpoint, stop, behind=options.behind, security=security)
    except (WireError, OSError) as error:
        log.error("%s: %s", getattr(error, "code", "os_error"), error)
        return 1
    return 0


def deal(
    root: Path | None,
    endpoint: str,
    stop: threading.Event,
    *,
    behind: Sequence[str] = (),
    security: Security | None = None,
) -> None:
    """Answer until ``stop`` is set. Raises wire.CannotBind, wire.Insecure."""
    with ExitStack() as stack:
        links = [
            stack.enter_context(DealerLink(one, timeout_s=BEHIND_TIMEOUT_S, retries=0)) for one in behind
        ]
        dealer = stack.enter_context(closing(Dealer(root, links)))
        server = stack.enter_context(
            ReadServer(endpoint, REQUESTS, dealer.handle, workers=dealer.workers, security=security)
        )
        log.info("dealing %s at %s", root or ", ".join(behind), server.endpoint)
        stop.wait()


if __name__ == "__main__":
    sys.exit(main())
