"""A composed picture as a file: turned, toned, JPEG or PNG."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from viewer.addressing import Turn
from vslide.display import to_jpeg

Picture = NDArray[np.uint8]

TYPES = {"jpg": "image/jpeg", "png": "image/png"}
QUALITIES = ("default", "color", "gray", "bitonal")
_QUARTERS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_MIDDLE = 128
_WHITE = (255, 255, 255)
_JPEG_GREY = [cv2.IMWRITE_JPEG_QUALITY, 85]
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 3]
"""A quarter of the time of the default, for a tenth more bytes."""


def content_type(kind: str) -> str:
    """Raises BadInput for what is not written here."""
    if kind not in TYPES:
        raise BadInput(f"A picture is {' or '.join(TYPES)}.", format=kind)
    return TYPES[kind]


def encoded(picture: Picture, kind: str) -> bytes:
    """A file without metadata of (H, W) grey, (H, W, 3) RGB or (for PNG) (H, W, 4) RGBA."""
    if kind == "jpg" and picture.ndim == 3:
        return to_jpeg(picture, full_colour=True)
    if kind == "jpg":
        return _packed(".jpg", picture, _JPEG_GREY)
    order = {2: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[
        picture.shape[-1] if picture.ndim == 3 else 2
    ]
    return _packed(".png", picture if order is None else cv2.cvtColor(picture, order), _PNG)


def _packed(suffix: str, picture: Any, options: list[int]) -> bytes:
    _, packed = cv2.imencode(suffix, picture, options)
    return packed.tobytes()


def toned(picture: Picture, quality: str) -> Picture:
    """(H, W, 3) as it is, in grey (H, W), or in black and white (H, W)."""
    if quality not in QUALITIES:
        raise BadInput(f"A quality is {', '.join(QUALITIES)}.", quality=quality)
    if quality in ("default", "color"):
        return picture
    grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
    return grey if quality == "gray" else np.where(grey < _MIDDLE, 0, 255).astype(np.uint8)


def turned(picture: Picture, turn: Turn) -> Picture:
    """Mirrored, then turned about its middle; the picture grows, with white, so that no corner is cut off."""
    if turn.mirrored:
        picture = np.ascontiguousarray(picture[:, ::-1])
    if not turn.degrees:
        return picture
    if turn.degrees in _QUARTERS:
        return np.asarray(cv2.rotate(picture, _QUARTERS[int(turn.degrees)]), np.uint8)
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -turn.degrees, 1)
    cosine, sine = np.abs(matrix[0, :2])
    wide, tall = round(width * cosine + height * sine), round(width * sine + height * cosine)
    matrix[:, 2] += (wide - width) / 2, (tall - height) / 2
    return np.asarray(
        cv2.warpAffine(picture, matrix, (wide, tall), flags=cv2.INTER_LINEAR, borderValue=_WHITE),
        np.uint8,
    )
