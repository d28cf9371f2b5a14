"""What the benchmarks write and read: slides of many fields of view, made of a few distinct ones."""

import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from microscope.drivers.simulated.stains import FLUORESCENCE
from tests.bench.pixels import fluorescence, tissue
from vslide.build import build
from vslide.codec import chunk_grid, encode_plane, probe
from vslide.journal import Journal
from vslide.model import RGB, Channel, FieldKey, Plane, SlideHeader

Pixels = NDArray[Any]
Stain = Literal["fluorescence", "tissue"]
THREADS = 2
AHEAD = 4 * THREADS
PLANES_PER_COMMIT = 8
SHIFT = 16
PIXEL_UM = 0.325
CAMERA = (2160, 2560)  # (height, width) of a scientific CMOS camera
PAPER = (1040, 1392)  # of the CCD camera of the HDF5 paper
SQUARE = (2048, 2048)  # its chunks are 512 px square, as a peer's tiles are


@dataclass(frozen=True)
class Scale:
    """How much is measured. `judge`: large enough for the targets to mean something."""

    rounds: int
    distinct: int  # fields that differ; the others are shifted windows of them
    fields: int  # of a slide that is written or read
    streamed: int  # fields that are sent to the slide service
    side: int  # fields along a side of the mosaic that tiles are cut from
    grid: tuple[int, int]  # rows and columns of the paper's mosaic
    reads: int  # tiles in a round
    judge: bool


FULL = Scale(5, 12, 48, 91, 4, (19, 22), 300, True)
QUICK = Scale(2, 1, 4, 6, 2, (3, 4), 20, False)


@dataclass(frozen=True)
class Fields:
    """Fields of view on a grid without overlap. `sources` are (C, H + SHIFT, W + SHIFT); field n is a window
    of one of them, a little further each time round: memory for a few, no two alike.
    """

    sources: tuple[Pixels, ...]
    rows: int
    columns: int
    channels: tuple[Channel, ...]
    shape: tuple[int, int]
    keys: list[FieldKey] = field(init=False)

    def __post_init__(self) -> None:
        keys = [FieldKey(r, c) for r in range(self.rows) for c in range(self.columns)]
        object.__setattr__(self, "keys", keys)

    def __len__(self) -> int:
        return self.rows * self.columns

    def __getitem__(self, number: int) -> Pixels:
        """(C, H, W), a view."""
        turn, source = divmod(number, len(self.sources))
        y, x = (5 * turn) % SHIFT, (3 * turn) % SHIFT
        height, width = self.shape
        return self.sources[source][:, y : y + height, x : x + width]

    @property
    def megabytes(self) -> float:
        return len(self) * len(self.channels) * self.shape[0] * self.shape[1] * self.sources[0].itemsize / 1e6

    @property
    def planned(self) -> int:
        return len(self) * len(self.channels)

    def header(self, chunk: tuple[int, int] | None = None) -> SlideHeader:
        """A new slide's. `chunk` (height, width) is the writer's own choice unless given."""
        tall, wide = chunk or chunk_grid(*self.shape)
        colour = self.channels == RGB
        return SlideHeader(
            slide_id=uuid.uuid4().hex, run_id=uuid.uuid4().hex,
            modality="brightfield" if colour else "fluorescence", dtype="uint8" if colour else "uint16",
            field_height=self.shape[0], field_width=self.shape[1], channels=self.channels,
            pixel_size_um=PIXEL_UM, magnification=20.0, rows=self.rows, columns=self.columns,
            chunk_height=tall, chunk_width=wide,
        )  # fmt: skip

    def encoded(self, chunk: tuple[int, int] | None = None) -> Iterator[Plane]:
        """Planes in acquisition order, compressed by two threads a little ahead, each channel by the codec
        that a probe of its first field chose: what the scanner's side does.
        """
        chunk = chunk or chunk_grid(*self.shape)
        codecs = [probe(plane) for plane in self[0]]

        def make(number: int, channel: int) -> Plane:
            key = self.keys[number]
            y, x = (place * side * PIXEL_UM for place, side in zip((key.r, key.c), self.shape, strict=True))
            chunks = encode_plane(self[number][channel], chunk, codecs[channel])
            return Plane(key, channel, x, y, 0.0, chunks)

        with ThreadPoolExecutor(THREADS) as pool:
            under_way: deque[Future[Plane]] = deque()
            for number in range(len(self)):
                for channel in range(len(self.channels)):
                    under_way.append(pool.submit(make, number, channel))
                    if len(under_way) > AHEAD:
                        yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()


def write_journal(fields: Fields, header: SlideHeader, directory: Path) -> int:
    """Pixels → durable journal: two threads compress, this one appends and commits in groups. Returns the
    bytes of the compressed chunks.
    """
    stored = 0
    chunk = header.chunk_shape
    with Journal.create(directory, header, header.run_id, 1, fields.planned) as journal:
        for number, plane in enumerate(fields.encoded(chunk), 1):
            journal.append(plane, number)
            stored += sum(map(len, plane.chunks))
            if number % PLANES_PER_COMMIT == 0:
                journal.commit()
        journal.commit()
    return stored


def publish(fields: Fields, folder: Path, chunk: tuple[int, int] | None = None) -> Path:
    """Pixels → finished, verified slide with its zoom layers."""
    header = fields.header(chunk)
    write_journal(fields, header, folder / "journal")
    return build(folder / "journal", folder / "slides").path


@lru_cache(maxsize=8)
def make_fields(
    stain: Stain, shape: tuple[int, int], grid: tuple[int, int], distinct: int, colours: int
) -> Fields:
    """The same pixels for the same arguments. `colours` counts the channels of a fluorescence slide."""
    height, width = shape[0] + SHIFT, shape[1] + SHIFT
    with ThreadPoolExecutor(THREADS) as pool:
        if stain == "tissue":
            sources = list(pool.map(lambda seed: tissue(height, width, seed), range(distinct)))
            return Fields(tuple(sources), *grid, RGB, shape)
        planes = list(pool.map(lambda seed: fluorescence(height, width, seed), range(distinct * colours)))
    stacks = tuple(np.stack(planes[n * colours : (n + 1) * colours]) for n in range(distinct))
    return Fields(stacks, *grid, FLUORESCENCE[:colours], shape)


def camera_fields(count: int, distinct: int) -> Fields:
    """One colour of the 2560 × 2160 camera."""
    return make_fields("fluorescence", CAMERA, (1, count), distinct, 1)
