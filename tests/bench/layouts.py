"""The paper's three layouts of fields in an HDF5 file, side by side: linear (ours), natural and packed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import h5py
import hdf5plugin

from tests.bench.measure import Figure, Round, Subject
from tests.bench.slides import PAPER, Fields, Scale, make_fields
from tests.bench.subjects import seconds, sync
from vslide.codec import chunk_grid

ROWS, COLOURS = 2, 4
SIDE = 512
SPARSE_EVERY = 4
PLANES = 40
Place = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """`shape` of the dataset for the scanned fields, and `corner`: where the field with this number among
    them, this place in the grid and this colour begins.
    """

    shape: Callable[[int], Place]
    corner: Callable[[int, int, int], Place]


def kinds(rows: int, columns: int, height: int, width: int) -> dict[str, Layout]:
    """All with the same chunks: only order and index differ.

    Linear, (N, W, H, W'): only what was scanned, in that order. Natural, (R, C, W, H, W'): the grid in the
    shape. Packed, (R · W · H, C · W'): one picture of all, which has no room for overlap.
    """
    return {
        "linear": Layout(lambda count: (count, COLOURS, height, width), lambda n, place, w: (n, w, 0, 0)),
        "natural": Layout(
            lambda count: (rows, columns, COLOURS, height, width),
            lambda n, place, w: (*divmod(place, columns), w, 0, 0),
        ),
        "packed": Layout(
            lambda count: (rows * COLOURS * height, columns * width),
            lambda n, place, w: ((place // columns * COLOURS + w) * height, place % columns * width),
        ),
    }


def layouts(scale: Scale, kept: Path) -> Subject:
    """The same compressed chunks are written with `write_direct_chunk` in the order of acquisition and read
    back by h5py with the Blosc filter, so nothing but the layout differs.

    `write`: to a synced file. `plane`: whole colour fields. `region`: 512 × 512 px at random inside a
    field. `sparse`: what the file holds beside its pixels when only every fourth field of the grid was
    scanned.
    """
    grid = (ROWS, max(2, scale.fields // 6))
    fields = make_fields("fluorescence", PAPER, grid, min(2, scale.distinct), COLOURS)
    chunks = [plane.chunks for plane in fields.encoded()]

    def turn(layout: Layout) -> Round:
        return lambda folder: _turn(_File(layout, fields, chunks), scale.reads, folder)

    turns = {name: turn(layout) for name, layout in kinds(*grid, *PAPER).items()}
    figures = {
        "write": Figure("MB/s of pixels"),
        "plane": Figure("MB/s of pixels"),
        "region": Figure("regions/s"),
        "sparse": Figure("kB beside the pixels", higher_is_better=False),
    }
    return Subject(figures, turns.pop("linear"), turns)


def _turn(file: "_File", reads: int, folder: Path) -> Mapping[str, float]:
    path, thin = folder / "full.h5", folder / "sparse.h5"
    everything = range(len(file.fields))
    rate = file.fields.megabytes / seconds(lambda: file.write(path, everything))
    stored = file.write(thin, everything[::SPARSE_EVERY])
    random, (height, width) = Random(3), PAPER
    planes = [(random.choice(everything), random.randrange(COLOURS), 0, 0) for _ in range(PLANES)]
    regions = [
        (random.choice(everything), random.randrange(COLOURS), random.randrange(height - SIDE),
         random.randrange(width - SIDE)) for _ in range(reads)
    ]  # fmt: skip
    with h5py.File(path) as opened:
        pixels = opened["fields"]
        plane_s = seconds(lambda: [file.read(pixels, *one, *PAPER) for one in planes])
        region_s = seconds(lambda: [file.read(pixels, *one, SIDE, SIDE) for one in regions])
    return {
        "write": rate,
        "plane": PLANES * height * width * 2 / 1e6 / plane_s,
        "region": reads / region_s,
        "sparse": (thin.stat().st_size - stored) / 1e3,
    }


@dataclass(frozen=True)
class _File:
    layout: Layout
    fields: Fields
    chunks: Sequence[tuple[bytes, ...]]

    def write(self, path: Path, scanned: Sequence[int]) -> int:
        """Returns the bytes of the chunks."""
        tall, wide = chunk_grid(*PAPER)
        across, stored = PAPER[1] // wide, 0
        with h5py.File(path, "w", libver=("earliest", "v108")) as file:
            shape = self.layout.shape(len(scanned))
            pixels = file.create_dataset(
                "fields", shape, "uint16", chunks=(*(1,) * (len(shape) - 2), tall, wide),
                compression=hdf5plugin.Blosc("zstd", 1, hdf5plugin.Blosc.SHUFFLE),
            )  # fmt: skip
            for number, place in enumerate(scanned):
                for channel in range(COLOURS):
                    *start, y, x = self.layout.corner(number, place, channel)
                    for index, chunk in enumerate(self.chunks[place * COLOURS + channel]):
                        offset = (*start, y + index // across * tall, x + index % across * wide)
                        pixels.id.write_direct_chunk(offset, chunk)
                        stored += len(chunk)
        sync(path)
        return stored

    def read(
        self, pixels: Any, place: int, channel: int, top: int, left: int, height: int, width: int
    ) -> object:
        """A box of one colour field; every field was scanned."""
        *start, y, x = self.layout.corner(place, place, channel)
        return pixels[(*start, slice(y + top, y + top + height), slice(x + left, x + left + width))]
