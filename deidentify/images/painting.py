"""One compressed tile of which a part becomes plain: decoded, painted, and compressed again as it was.

The tiles are of strangers' making, so a `Painter` has it done in a process of its own with limits of
memory and time (``python -m deidentify.images.repainting``), which takes one tile after the other on its
standard input.
"""

import json
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from deidentify.errors import BrokenInput, CannotCover, DeidentifyError

Box = tuple[int, int, int, int]
"""left, top, width, height in px."""
MOST_TILE_PX: Final = 1 << 26
PLAIN: Final = 128
"""The grey of 8-bit samples: 128 is grey in RGB and in YCbCr alike, so nobody has to know which one it is.
Deeper samples become 0, no light at all."""
HEAD: Final = struct.Struct("<II")
"""Lengths of what is said, JSON, and of the bytes that follow it."""
_ERRORS: Final[dict[str, type[DeidentifyError]]] = {one.code: one for one in (BrokenInput, CannotCover)}
_CHECKOUT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Cell:
    """What a tile, a strip or a frame holds: codec, size in px, samples per px, bits of each, its byte
    order (``<`` or ``>``), the TIFF predictor, and the JPEG tables that stand elsewhere in hexadecimal
    digits.
    """

    codec: str
    width: int
    height: int
    samples: int = 1
    bits: int = 8
    order: str = "<"
    predictor: int = 1
    tables: str = ""


class Painter:
    """The process that paints; a context manager. One tile at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "deidentify.images.repainting"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_CHECKOUT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def paint(self, data: bytes, cell: Cell, boxes: Sequence[Box]) -> bytes:
        """The tile anew, plain within ``boxes`` (px of the tile). Raises CannotCover where its codec
        cannot be written, BrokenInput where it cannot be decoded within the limits.
        """
        if not 0 < cell.width * cell.height <= MOST_TILE_PX:
            raise CannotCover("a tile is larger than one may be that is painted over")
        assert self._process.stdin is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        head = json.dumps({"cell": asdict(cell), "boxes": list(boxes)}).encode()
        try:
            self._process.stdin.write(HEAD.pack(len(head), len(data)) + head + data)
            self._process.stdin.flush()
            told, painted = receive(self._process.stdout)
        except (OSError, EOFError) as error:
            raise BrokenInput("a tile under a covered region cannot be decoded within the limits") from error
        if told:
            raise _ERRORS[str(told["code"])](str(told["message"]))
        return painted


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """(what was said, the bytes that followed). Raises EOFError."""
    said, size = HEAD.unpack(_exactly(stream, HEAD.size))
    return json.loads(_exactly(stream, said)), _exactly(stream, size)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data
