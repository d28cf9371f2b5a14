"""What the snapshot camera sees: a few glasses, drawn once."""

from functools import cache

import cv2
import numpy as np

from microscope.barcode import draw_label

UM_PER_PX = 250.0
GLASS_PX = (304, 104)
PICTURES = ("good", "doubtful", "empty")


@cache
def macro(picture: str) -> bytes:
    """A glass with a proper piece of tissue, with a faint shred, or with nothing on it."""
    glass = np.full((GLASS_PX[1], GLASS_PX[0], 3), 235, np.uint8)
    if picture == "good":
        cv2.ellipse(glass, (200, 52), (40, 30), 0, 0, 360, (150, 90, 160), -1)
    elif picture == "doubtful":
        cv2.ellipse(glass, (200, 52), (7, 4), 0, 0, 360, (205, 185, 210), -1)
    return bytes(cv2.imencode(".png", glass)[1].tobytes())


@cache
def label() -> bytes:
    """A label that nobody can read, for the glasses whose barcode the scanner did not find either."""
    blank = np.full_like(draw_label("B-0"), 255)
    return bytes(cv2.imencode(".png", blank)[1].tobytes())
