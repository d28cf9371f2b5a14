"""Slides for the tests: a known mosaic cut into overlapping fields, so that every pixel can be checked."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vslide.build import build
from vslide.codec import chunk_grid, decode_chunk, encode_plane
from vslide.coding import Coding
from vslide.journal import Journal
from vslide.jpeg import encode_rgb
from vslide.manifest import Manifest
from vslide.model import RGB, Channel, FieldKey, Plane, SlideHeader

FOUR = tuple(Channel(name) for name in ("DAPI", "FITC", "TRITC", "Cy5"))


def decode_plane(
    chunks: Sequence[bytes], dtype: str, field: tuple[int, int], chunk: tuple[int, int]
) -> NDArray[Any]:
    """The colour field (H, W) from its chunks, row by row: the reference that readers are compared with."""
    parts = [decode_chunk(one, dtype, chunk) for one in chunks]
    columns = field[1] // chunk[1]
    return np.vstack([np.hstack(parts[at : at + columns]) for at in range(0, len(parts), columns)])


def make_header(**changes: Any) -> SlideHeader:
    values: dict[str, Any] = {
        "slide_id": uuid.uuid4().hex,
        "run_id": uuid.uuid4().hex,
        "modality": "fluorescence",
        "field_width": 100,
        "field_height": 72,
        "dtype": "uint16",
        "channels": FOUR,
        "pixel_size_um": 0.5,
        "magnification": 20.0,
        "rows": 5,
        "columns": 6,
    }
    values |= changes
    tall, wide = chunk_grid(values["field_height"], values["field_width"])
    return SlideHeader(**({"chunk_height": tall, "chunk_width": wide} | values))


def brightfield(**changes: Any) -> SlideHeader:
    return make_header(
        **({"modality": "brightfield", "dtype": "uint8", "channels": RGB, "stain": "H&E"} | changes)
    )


@dataclass(frozen=True)
class Specimen:
    """Fields of a slide with their pixels: `pixels[key, channel]` is (H, W). `pictures` holds the chunks of a
    JPEG slide, whose pixels are what those decode to.
    """

    header: SlideHeader
    pixels: dict[tuple[FieldKey, int], NDArray[Any]]
    corners: dict[FieldKey, tuple[int, int]]
    pictures: dict[FieldKey, tuple[bytes, ...]] = field(default_factory=dict)

    def planes(self) -> list[Plane]:
        """The planes as a scanner compresses them."""
        shape, channels = self.header.chunk_shape, self.header.channels
        if self.pictures:
            return [self._plane(key, 0, chunks) for key, chunks in self.pictures.items()]
        return [
            self._plane(key, channel, encode_plane(pixels, shape, offset=channels[channel].offset))
            for (key, channel), pixels in self.pixels.items()
        ]

    def _plane(self, key: FieldKey, channel: int, chunks: tuple[bytes, ...]) -> Plane:
        size, (x, y) = self.header.pixel_size_um, self.corners[key]
        return Plane(key, channel, x * size, y * size, 0.0, chunks)

    def mosaic(self) -> NDArray[Any]:
        """The reference (C, H, W): fields painted in acquisition order."""
        height, width = self.header.field_shape
        wide = max(x for x, _ in self.corners.values()) + width
        tall = max(y for _, y in self.corners.values()) + height
        shape = (len(self.header.channels), tall, wide)
        canvas = np.full(shape, self.header.background, self.header.dtype)
        for (key, channel), pixels in self.pixels.items():
            x, y = self.corners[key]
            canvas[channel, y : y + height, x : x + width] = pixels
        return canvas


def make_specimen(header: SlideHeader, seed: int = 0, overlap: float = 0.1) -> Specimen:
    """A serpentine scan with jittered, overlapping fields of random pixels."""
    random = np.random.default_rng(seed)
    limit = 255 if header.dtype == "uint8" else 4000
    pixels, corners = {}, {}
    for r in range(header.rows):
        for c in range(header.columns)[:: 1 if r % 2 == 0 else -1]:
            key = FieldKey(r, c)
            jitter = random.integers(0, 5, 2)
            step = (header.field_width * (1 - overlap), header.field_height * (1 - overlap))
            corners[key] = (int(c * step[0] + jitter[0]), int(r * step[1] + jitter[1]))
            for channel in range(len(header.channels)):
                pixels[key, channel] = random.integers(0, limit, header.field_shape).astype(header.dtype)
    left, top = min(x for x, _ in corners.values()), min(y for _, y in corners.values())
    pictures = _photograph(header, pixels) if header.encoding == "jpeg" else {}
    return Specimen(header, pixels, {key: (x - left, y - top) for key, (x, y) in corners.items()}, pictures)


def _photograph(
    header: SlideHeader, pixels: dict[tuple[FieldKey, int], NDArray[Any]]
) -> dict[FieldKey, tuple[bytes, ...]]:
    """JPEG chunks of each field; from here on `pixels` are those that the JPEGs hold."""
    pictures, coding = {}, Coding(replace(header, key_id=""))
    for key in dict.fromkeys(key for key, _ in pixels):
        colours = np.stack([pixels[key, channel] for channel in range(3)])
        pictures[key] = encode_rgb(colours, header.chunk_shape)
        held = coding.field(pictures[key], key, 0)
        pixels |= {(key, channel): held[channel] for channel in range(3)}
    return pictures


def write_journal(directory: Path, specimen: Specimen, fence: int = 1) -> Path:
    """A run's journal with every plane, sealed if the header names a key of the environment's ring."""
    planes, coding = specimen.planes(), Coding(specimen.header)
    with Journal.create(directory, specimen.header, specimen.header.run_id, fence, len(planes)) as journal:
        for sequence, plane in enumerate(planes):
            journal.append(coding.arrived(plane), sequence)
        journal.commit()
        return journal.path


def publish(folder: Path, specimen: Specimen) -> Manifest:
    write_journal(folder / "journal", specimen)
    return build(folder / "journal", folder / "slides")
