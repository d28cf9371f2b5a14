"""What the benchmarks write and read: real tissue with a camera's noise, cut into fields of view."""

import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microscope.drivers.simulated.stains import atlas
from vslide.codec import chunk_grid, encode_plane
from vslide.model import Channel, FieldKey, Plane, SlideHeader

SIDE = 2048
BLACK_LEVEL = 100
BRIGHTEST = 6000.0


@dataclass(frozen=True)
class Slide:
    """One channel of 16-bit fields (SIDE × SIDE px), row by row."""

    fields: list[NDArray[np.uint16]]
    columns: int

    @property
    def megabytes(self) -> float:
        return sum(field.nbytes for field in self.fields) / 1e6

    def header(self) -> SlideHeader:
        tall, wide = chunk_grid(SIDE, SIDE)
        values: dict[str, Any] = {"slide_id": uuid.uuid4().hex, "run_id": uuid.uuid4().hex}
        return SlideHeader(
            **values, modality="fluorescence", field_width=SIDE, field_height=SIDE, dtype="uint16",
            channels=(Channel("DAPI"),), pixel_size_um=0.325, magnification=20.0,
            rows=-(-len(self.fields) // self.columns), columns=self.columns, chunk_width=wide,
            chunk_height=tall,
        )  # fmt: skip

    def planes(self) -> list[Plane]:
        """Compressed here, as the scanner's side does it."""
        return [
            Plane(
                FieldKey(n // self.columns, n % self.columns), 0, n % self.columns * SIDE * 0.3,
                n // self.columns * SIDE * 0.3, 0.0, encode_plane(field, chunk_grid(SIDE, SIDE)),
            )
            for n, field in enumerate(self.fields)
        ]  # fmt: skip


def make_slide(fields: int, seed: int = 7) -> Slide:
    """The nuclei of a real tissue field as a fluorescence camera would see them: shot and read noise over a
    black level. Noise is what decides how well real pixels compress.
    """
    random = np.random.default_rng(seed)
    whole = atlas("IF4")[:SIDE, :SIDE, 0] / 255.0
    made = []
    for _ in range(fields):
        shifted = np.roll(whole, tuple(random.integers(0, SIDE, 2)), (0, 1))
        light = random.poisson(shifted * BRIGHTEST) + random.normal(BLACK_LEVEL, 3.0, shifted.shape)
        made.append(np.clip(light, 0, 65535).astype(np.uint16))
    return Slide(made, columns=4)
