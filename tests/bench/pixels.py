"""Pixels like a camera's. Noise decides how well real pixels compress, so it is modelled; all of it follows
from a seed.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from microscope.drivers.simulated.stains import atlas

Pixels = NDArray[Any]
BLACK_LEVEL = 100  # ADU
BACKGROUND = 20.0  # electrons
READ_NOISE = 1.5  # electrons
SATURATION = 4095  # a 12-bit camera
BLUR_PX = 1.6
NUCLEI_PER_MEGAPIXEL = 37.0  # sparse enough that Blosc (zstd 1, byte shuffle) packs it three times
PUNCTA_PER_MEGAPIXEL = 720.0
EYE_NOISE = 1.5  # grey values of a brightfield camera


def fluorescence(height: int, width: int, seed: int) -> NDArray[np.uint16]:
    """(height, width) of one colour: nuclei, texture and puncta, blurred and vignetted, with shot and read
    noise at 1 ADU an electron.
    """
    random = np.random.default_rng(seed)
    megapixels = height * width / 1e6
    light = np.full((height, width), BACKGROUND, np.float32)
    _add_nuclei(light, random, round(NUCLEI_PER_MEGAPIXEL * megapixels))
    texture = cv2.GaussianBlur(random.standard_normal(light.shape, np.float32), (0, 0), 3)
    light *= 1 + 0.9 * texture
    count = round(PUNCTA_PER_MEGAPIXEL * megapixels)
    light[random.integers(0, height, count), random.integers(0, width, count)] += random.uniform(
        300, 2000, count
    )
    light = np.asarray(cv2.GaussianBlur(light, (0, 0), BLUR_PX), np.float32)
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)
    light *= 1 - 0.125 * (y * y + x * x)
    seen = random.poisson(np.clip(light, 0, None)) + random.normal(BLACK_LEVEL, READ_NOISE, light.shape)
    return np.clip(np.rint(seen), 0, SATURATION).astype(np.uint16)


def _add_nuclei(light: Pixels, random: np.random.Generator, count: int) -> None:
    stamp = 64
    padded = np.zeros((light.shape[0] + 2 * stamp, light.shape[1] + 2 * stamp), np.float32)
    for _ in range(count):
        y, x = random.integers(0, light.shape[0]), random.integers(0, light.shape[1])
        axes = tuple(int(axis) for axis in random.uniform(14, 30, 2))
        nucleus = np.zeros((2 * stamp, 2 * stamp), np.float32)
        turn, electrons = random.uniform(0, 180), random.uniform(200, 1500)
        cv2.ellipse(nucleus, (stamp, stamp), axes, turn, 0, 360, electrons, -1)
        padded[y : y + 2 * stamp, x : x + 2 * stamp] += nucleus
    light += padded[stamp:-stamp, stamp:-stamp]


def tissue(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """(3, height, width) red, green, blue: real tissue in H&E colours with a camera's noise, from somewhere
    in the seamless atlas.
    """
    random = np.random.default_rng(seed)
    picture = atlas("H&E")
    rows, columns = (np.arange(side) + random.integers(0, side) for side in (height, width))
    cut = picture[np.ix_(rows % picture.shape[0], columns % picture.shape[1])]
    noisy = cut + random.normal(0, EYE_NOISE, cut.shape)
    return np.ascontiguousarray(np.moveaxis(np.clip(np.rint(noisy), 0, 255).astype(np.uint8), -1, 0))
