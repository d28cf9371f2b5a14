"""Small real slides: written through the journal and built as the laboratory builds them."""

import uuid
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.data import immunohistochemistry

import vslide
from vslide import RGB, Channel, FieldKey, Journal, Plane, SlideHeader
from vslide.build import build
from vslide.codec import encode_plane
from vslide.coding import Coding
from vslide.jpeg import encode_rgb
from vslide.rewrite import rewrite

FIELD_H, FIELD_W = 256, 384
STEP_Y, STEP_X = 230, 340  # the stage moves less than a field: about a tenth overlaps
CHUNK = (128, 192)
PIXEL_UM = 0.5
FLUORESCENCE = (
    Channel("DAPI", "#4060ff", black_level=100),
    Channel("FITC", "#20ff40", black_level=100),
    Channel("TRITC", "#ff8000", black_level=100),
    Channel("Cy5", "#ff20a0", black_level=100),
)


SHIFTED = tuple(replace(channel, offset=300) for channel in FLUORESCENCE)
"""Channels whose pixels wrap around at zero when they are stored."""


def header(modality: str, rows: int, columns: int, **changes: Any) -> SlideHeader:
    bright = modality == "brightfield"
    values: dict[str, Any] = {
        "slide_id": uuid.uuid4().hex,
        "run_id": uuid.uuid4().hex,
        "modality": "brightfield" if bright else "fluorescence",
        "field_width": FIELD_W,
        "field_height": FIELD_H,
        "dtype": "uint8" if bright else "uint16",
        "channels": RGB if bright else FLUORESCENCE,
        "pixel_size_um": PIXEL_UM,
        "magnification": 20,
        "rows": rows,
        "columns": columns,
        "chunk_width": CHUNK[1],
        "chunk_height": CHUNK[0],
        "stain": "IHC" if bright else "IF4",
    }
    return SlideHeader(**(values | changes))


MANY = tuple(
    Channel(f"C{number}", colour, black_level=100)
    for number, colour in enumerate(("#4060ff", "#20ff40", "#ff8000", "#ff20a0", "#00ffff", "#ffff00"))
)
"""More channels than a screen has colours."""


def specimen(modality: str, height: int, width: int, channels: int = 4) -> NDArray[np.generic]:
    """(C, height, width): scikit-image's real tissue mirrored to size; fluorescence is its density."""
    field: NDArray[np.uint8] = immunohistochemistry()
    tissue = np.pad(field, ((0, 512), (0, 512), (0, 0)), mode="symmetric")
    tiled = np.tile(tissue, (-(-height // 1024), -(-width // 1024), 1))[:height, :width]
    rgb = np.moveaxis(tiled, -1, 0)
    if modality == "brightfield":
        return np.ascontiguousarray(rgb)
    density = 255 - rgb.astype(np.uint16)
    sources = [np.roll(density[(2, 0, 1)[n % 3]], 60 * (n // 3), axis=1) for n in range(channels)]
    gains = np.array([(9, 14, 5, 11)[n % 4] for n in range(channels)], np.uint16)
    return np.asarray(100 + np.stack(sources) * gains[:, None, None], np.uint16)


def planes_of(about: SlideHeader, field: NDArray[np.generic]) -> list[tuple[bytes, ...]]:
    """The chunks of each plane of a field (C, H, W)."""
    if about.encoding == "jpeg":
        return [encode_rgb(field, CHUNK)]
    pairs = zip(field, about.channels, strict=True)
    return [encode_plane(plane, CHUNK, offset=channel.offset) for plane, channel in pairs]


def make_slide(folder: Path, modality: str, rows: int = 3, columns: int = 4, **changes: Any) -> Path:
    """A published slide in `folder`, its header with these changes. Fields lie in serpentine order, as they
    are scanned; each focus layer and time point shows the specimen a little further on.
    """
    about = header(modality, rows, columns, **changes)
    coding = Coding(about)
    size = STEP_Y * rows + FIELD_H, STEP_X * columns + FIELD_W
    pixels = specimen(modality, *size, len(about.channels))
    order = [
        FieldKey(r, c if r % 2 == 0 else columns - 1 - c, z, t)
        for t, r, c, z in product(range(about.times), range(rows), range(columns), range(about.layers))
    ]
    directory = folder / f"run-{about.run_id}"
    with Journal.create(directory, about, about.run_id, 1, len(order) * about.planes) as journal:
        for sequence, key in enumerate(order):
            y, x = key.r * STEP_Y, key.c * STEP_X
            field = np.roll(pixels, 9 * key.z + 21 * key.t, axis=1)[:, y : y + FIELD_H, x : x + FIELD_W]
            for channel, chunks in enumerate(planes_of(about, field)):
                plane = Plane(key, channel, x * PIXEL_UM, y * PIXEL_UM, float(key.z), chunks)
                journal.append(coding.arrived(plane), sequence * about.planes + channel)
        journal.commit()
    build(directory, folder)
    return folder / about.slide_id / f"{about.run_id}.h5"


def registered_copy(path: Path, folder: Path) -> Path:
    """The same slide with every field a few pixels from where the stage was."""
    with vslide.open(path) as slide:
        moved = {
            field.key: (
                field.x_um + PIXEL_UM * (3 * field.key.c % 7 - 3),
                field.y_um + PIXEL_UM * (2 * field.key.r % 5 - 2),
            )
            for field in slide.fields
        }
        return rewrite(slide, folder, moved).path
