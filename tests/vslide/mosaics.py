"""Mosaics whose true positions are known: fields cut anywhere from one large picture, in memory."""

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.vslide.slides import make_header
from vslide.geometry import place
from vslide.model import Channel, Field, FieldKey
from vslide.readers.base import Box, MosaicReader, Pixels

Floats = NDArray[np.float64]


def fluorescence(height: int, width: int, seed: int = 0, density: float = 1e-3) -> Floats:
    """Nuclei and spots, in photons."""
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width), np.float32)
    for _ in range(int(height * width * density)):
        centre = int(random.integers(width)), int(random.integers(height))
        cv2.circle(picture, centre, int(random.integers(2, 8)), random.uniform(200, 800), -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.6), np.float64)


def tissue(height: int, width: int, seed: int = 0) -> Floats:
    """Structure of several sizes on white glass, as a stained section has."""
    random = np.random.default_rng(seed)
    picture = np.full((height, width), 170.0)
    for size in (2, 5, 15):
        grain = cv2.GaussianBlur(random.standard_normal((height, width)), (0, 0), size)
        picture -= 22 * grain / grain.std()
    return np.asarray(np.clip(picture, 0, 255))


def beads(height: int, width: int, seed: int = 0, count: int = 400) -> Floats:
    """Points blurred by the lens, at random places between the pixels, in photons."""
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width))
    across, down = np.arange(-6, 7), np.arange(-6, 7)[:, None]
    for x, y in zip(random.uniform(8, width - 8, count), random.uniform(8, height - 8, count), strict=True):
        left, top = int(x), int(y)
        spot = 2500 * np.exp(-((across - (x - left)) ** 2 + (down - (y - top)) ** 2) / (2 * 1.3**2))
        picture[top - 6 : top + 7, left - 6 : left + 7] += spot
    return picture


class Shots(MosaicReader):
    """Fields of a picture, taken at `true` corners (N, 2) in px, of which the stage says `stage` (N, 2) px.

    `offsets` shifts each channel's picture in px; noise, vignetting and black level are a camera's.
    """

    levels = (1.0,)

    def __init__(
        self,
        picture: Floats,
        keys: Sequence[FieldKey],
        true: Floats,
        stage: Floats,
        *,
        offsets: Sequence[tuple[float, float]] = ((0.0, 0.0),),
    ) -> None:
        channels = tuple(Channel(f"c{number}") for number in range(len(offsets)))
        layers, times = 1 + max(key.z for key in keys), 1 + max(key.t for key in keys)
        changes: dict[str, Any] = {"field_width": 160, "field_height": 128, "layers": layers, "times": times}
        self.header = make_header(channels=channels, **changes)
        self._picture, self._true, self._offsets = picture, true, offsets
        pixel = self.header.pixel_size_um
        self.fields = tuple(
            Field(n, key, x * pixel, y * pixel, 0.0)
            for n, (key, (x, y)) in enumerate(zip(keys, stage.tolist(), strict=True))
        )
        self.placement = place(self.fields, pixel, self.header.field_shape)

    def plane(self, index: int, channel: int, *, level: int = 1) -> Pixels:
        height, width = self.header.field_shape
        x, y = self._true[index] - self._offsets[channel]
        move = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
        flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
        seen = cv2.warpAffine(self._picture, move, (width, height), flags=flags)
        down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        light = np.maximum(np.asarray(seen), 0) * (1 - 0.1 * (across**2 + down**2))
        noise = np.random.default_rng([index, channel]).standard_normal(light.shape)
        grey = light + 100 + noise * np.sqrt(light + 20)
        return np.asarray(np.clip(grey, 0, np.iinfo(self.dtype).max), self.dtype)

    def _compose(self, box: Box, level: int, channels: tuple[int, ...], z: int, t: int) -> Pixels:
        raise NotImplementedError

    def chunk(self, index: int, channel: int, row: int, column: int, *, level: int = 1) -> bytes:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""


def grid(rows: int, columns: int, step: tuple[int, int] = (128, 100)) -> tuple[list[FieldKey], Floats]:
    """Keys and corners (px) of a serpentine scan; the corners leave 20 px around."""
    keys = [
        FieldKey(r, c)
        for r in range(rows)
        for c in (range(columns) if r % 2 == 0 else reversed(range(columns)))
    ]
    return keys, np.array([(20.0 + key.c * step[0], 20.0 + key.r * step[1]) for key in keys])


def turned(corners: Floats, degrees: float) -> Floats:
    """Corners turned clockwise on the screen about their middle."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    middle = corners.mean(axis=0)
    return np.asarray(middle + (corners - middle) @ np.array([[cosine, sine], [-sine, cosine]]))


def worst_error(found: Any, true: Floats, pixel: float) -> float:
    """The largest distance (px) between found and true corners, a common shift apart."""
    away = found / pixel - true
    return float(np.linalg.norm(away - away.mean(axis=0), axis=1).max())
