"""The tile dealer: a store of slides, served over ZeroMQ. The stored bytes travel as they are.

Run on the file server it is a broadcast service, on the viewer's host it is the read-ahead: it opens a
remote slide as well as a local one, so dealers can be chained.
"""

import argparse
import logging
import signal
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vslide.errors import NotASlide
from vslide.model import header_as_dict
from vslide.reader import SlideReader, open_slide
from vslide.remote_messages import (
    REQUESTS,
    AskChunk,
    AskHeader,
    AskPlane,
    AskRegion,
    AskThumbnail,
    ChunkReply,
    HeaderReply,
    PixelsReply,
)
from wire import Message, Server, WireError

log = logging.getLogger(__name__)
MOST_OPEN = 16
LOOK_S = 0.2
FRAME_BYTES = 32 << 20


class Dealer:
    """Answers for every slide below ``root``; keeps the last few open."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._open: OrderedDict[Path, SlideReader] = OrderedDict()

    def close(self) -> None:
        for reader in self._open.values():
            reader.close()
        self._open.clear()

    def handle(self, request: Message, frames: list[bytes]) -> tuple[Message, list[bytes]]:
        match request:
            case AskHeader():
                return self._header(self._reader(request.slide, fresh=True)), []
            case AskChunk():
                reader = self._reader(request.slide)
                chunk = reader.chunk(
                    request.index, request.channel, request.row, request.column, level=request.level
                )
                return ChunkReply(), [chunk]
            case AskPlane():
                return _packed(
                    self._reader(request.slide).plane(request.index, request.channel, level=request.level)
                )
            case AskRegion():
                return _packed(self._region(request))
            case AskThumbnail():
                return _packed(self._reader(request.slide).thumbnail(request.max_size))
        raise TypeError(type(request).__name__)

    def _region(self, request: AskRegion) -> np.ndarray[Any, Any]:
        return self._reader(request.slide).region(
            request.x,
            request.y,
            request.width,
            request.height,
            level=request.level,
            channels=request.channels,
            z=request.z,
        )

    def _reader(self, slide: str, *, fresh: bool = False) -> SlideReader:
        """By its path below the root; anything that would leave the root is no slide of ours. A journal
        that is being written is looked at again when it is ``fresh`` that counts."""
        path = self._path(slide)
        if fresh and path.is_dir() and path in self._open:
            self._open.pop(path).close()
        if path in self._open:
            self._open.move_to_end(path)
            return self._open[path]
        reader = self._open[path] = open_slide(path)
        while len(self._open) > MOST_OPEN:
            _, oldest = self._open.popitem(last=False)
            oldest.close()
        return reader

    def _path(self, slide: str) -> Path:
        try:
            path = (self._root / slide).resolve()
            known = path.is_relative_to(self._root) and path.exists()
        except (ValueError, OSError):
            known = False
        if not known:
            raise NotASlide(f"no slide {slide!r} here")
        return path

    @staticmethod
    def _header(reader: SlideReader) -> HeaderReply:
        return HeaderReply(
            kind=reader.kind,
            header=header_as_dict(reader.header) if reader.header else None,
            size=reader.size,
            pixel_size_um=reader.pixel_size_um,
            magnification=reader.magnification,
            dtype=np.dtype(reader.dtype).name,
            channels=reader.channels,
            levels=reader.levels,
            fields=reader.fields,
            layers=reader.layers,
            info=reader.info(),
        )


def _packed(pixels: NDArray[Any]) -> tuple[Message, list[bytes]]:
    """Raw pixels in as many frames as a socket's limit on one frame asks for."""
    raw = np.ascontiguousarray(pixels).view(np.uint8).ravel()
    frames = [raw[at : at + FRAME_BYTES].tobytes() for at in range(0, raw.size, FRAME_BYTES)]
    return PixelsReply(dtype=pixels.dtype.name, shape=pixels.shape), frames


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m vslide deal --root DIR --endpoint tcp://127.0.0.1:PORT`"""
    parser = argparse.ArgumentParser(
        prog="python -m vslide deal", description="Serve slides to remote readers."
    )
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--endpoint", required=True)
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    dealer = Dealer(options.root)
    try:
        with Server(options.endpoint, REQUESTS) as server:
            log.info("dealing %s at %s", options.root, server.endpoint)
            while not stop.is_set():
                server.serve_once(dealer.handle, LOOK_S)
    except WireError as error:
        log.error("%s: %s", error.code, error)
        return 1
    finally:
        dealer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
