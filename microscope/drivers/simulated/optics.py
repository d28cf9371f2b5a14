"""Lens, stage and camera: what stands between the specimen and its picture. Lengths in µm, pictures (H, W[,
3]).
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Raw = NDArray[np.uint16]
Floats = NDArray[np.float32]
Grain = TypeVar("Grain", np.int16, np.float32)

DEPTH_OF_FIELD_UM = 1.0
_BLUR_PX_PER_UM = 0.45
_NOISE_SIDE = 1024
_WAVES_PER_MM = 3.5  # of a section that has come off its glass, in radians
_FULL_WELL = 28_000.0  # grey values of the brightest fluorescence
_ELECTRONS_PER_GREY = 0.5
_READ_NOISE = 6.0


@dataclass(frozen=True, slots=True)
class Ground:
    """The height of the specimen under the lens: a tilted and slightly bowed glass, different for each,
    and a section that may lie on it in waves.
    """

    height_um: float
    tilt: tuple[float, float]
    bow: tuple[float, float]
    buckle_um: float = 0.0
    phases: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of(cls, seed: int, buckle_um: float = 0.0) -> "Ground":
        rng = np.random.default_rng([seed, 0xF0C])
        tilt_x, tilt_y = rng.uniform(-1.6, 1.6, 2).tolist()
        bow_x, bow_y = rng.uniform(-0.35, 0.35, 2).tolist()
        height_um = rng.uniform(60, 140)
        phase_x, phase_y = rng.uniform(0, 2 * math.pi, 2).tolist()
        return cls(height_um, (tilt_x, tilt_y), (bow_x, bow_y), buckle_um, (phase_x, phase_y))

    def z(self, x_um: float, y_um: float) -> float:
        """Height of best focus, with x and y counted from the middle of the specimen."""
        x, y = x_um / 1000, y_um / 1000
        waves = math.sin(x * _WAVES_PER_MM + self.phases[0]) * math.sin(y * _WAVES_PER_MM + self.phases[1])
        plane = self.height_um + self.tilt[0] * x + self.tilt[1] * y
        return plane + self.bow[0] * x * x + self.bow[1] * y * y + self.buckle_um * waves


def defocus(picture: Picture, distance_um: float) -> Picture:
    """Blur as it grows with the distance from best focus; within the depth of field nothing happens."""
    beyond = abs(distance_um) - DEPTH_OF_FIELD_UM
    if beyond <= 0.2:
        return picture
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), min(12.0, beyond * _BLUR_PX_PER_UM)), np.uint8)


def develop_brightfield(picture: Picture, grain: int, light: float = 1.0) -> Picture:
    """Vignetting and camera noise on a (H, W, 3) picture; ``grain`` picks the noise, ``light`` is times the
    usual.
    """
    shaded = cv2.multiply(picture, _vignette_bytes(*picture.shape[:2]), scale=light / 255)
    noise = _window(_fine_noise(), picture.shape[0], picture.shape[1], grain)
    return np.asarray(cv2.add(shaded, noise, dtype=cv2.CV_8U), np.uint8)


def grained(picture: Picture) -> Picture:
    """Camera noise on a photograph (H, W, 3) of any size."""
    repeats = (-(-picture.shape[0] // _NOISE_SIDE), -(-picture.shape[1] // _NOISE_SIDE), 1)
    grain = np.tile(_fine_noise(), repeats)[: picture.shape[0], : picture.shape[1]]
    return np.asarray(cv2.add(picture, grain, dtype=cv2.CV_8U), np.uint8)


def develop_fluorescence(picture: Picture, grain: int, black_level: int, light: float = 1.0) -> Raw:
    """Brightness (H, W) uint8 to grey values uint16: vignetting, photon noise, read noise over the black
    level.
    """
    height, width = picture.shape
    signal = picture.astype(np.float32)
    signal *= _vignette(height, width) * (_FULL_WELL * light / 255.0)
    # A normal of the right variance stands for Poisson: beyond some twenty electrons they look the same.
    spread = np.sqrt(signal / _ELECTRONS_PER_GREY + _READ_NOISE**2)
    spread *= _window(_normal_noise(), height, width, grain)
    signal += spread
    signal += black_level + 0.5
    return np.clip(signal, 0, 65535, out=signal).astype(np.uint16)


def wander(seed: int, x_um: float, y_um: float, *, sigma_um: float) -> tuple[float, float]:
    """A small offset (x, y) in µm that belongs to a place: the same whenever the stage goes there."""
    rng = np.random.default_rng([seed, round(x_um * 10) & 0xFFFFFFFF, round(y_um * 10) & 0xFFFFFFFF])
    away = rng.normal(0.0, sigma_um, 2)
    return float(away[0]), float(away[1])


def _window(noise: NDArray[Grain], height: int, width: int, grain: int) -> NDArray[Grain]:
    top = grain % max(1, _NOISE_SIDE - height)
    left = grain // _NOISE_SIDE % max(1, _NOISE_SIDE - width)
    return noise[top : top + height, left : left + width]


@lru_cache(maxsize=1)
def _fine_noise() -> NDArray[np.int16]:
    noise = np.random.default_rng(1).normal(0.0, 1.1, (_NOISE_SIDE, _NOISE_SIDE, 3))
    return np.rint(noise).astype(np.int16)


@lru_cache(maxsize=1)
def _normal_noise() -> Floats:
    return np.random.default_rng(2).standard_normal((_NOISE_SIDE, _NOISE_SIDE), np.float32)


@lru_cache(maxsize=4)
def _vignette(height: int, width: int) -> Floats:
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.asarray(1.0 - 0.07 * (x * x + y * y) / math.sqrt(2), np.float32)


@lru_cache(maxsize=4)
def _vignette_bytes(height: int, width: int) -> Picture:
    shade = np.rint(_vignette(height, width) * 255).astype(np.uint8)
    return np.ascontiguousarray(np.repeat(shade[..., None], 3, axis=2))
