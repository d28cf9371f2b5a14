"""What a photograph of a glass shows beside tissue: the empty glass itself, its holder, and ink."""

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]

_OPAQUE = 90  # no stained section lets less light through in every colour
_VIVID = 0.65  # how pure the green and blue of a felt pen are, and no stain is
_BLACK, _NEUTRAL = 60, 20  # how bright at most black ink is, and how much its colours differ
_SHRINK = 16
_DIMMEST = 0.6  # of the commonest brightness, where the lamp lights the glass least
_FLAT = np.diag([0.0, *[0.003] * 5]).astype(np.float32)  # keeps what is not seen as bright as what is
_ENOUGH_GLASS = 0.05  # of the picture: from less no shading is learnt
_NEARER = (0.15, 0.08, 0.05, 0.04, 0.04)  # of its brightness: what is still taken for glass, round by round


def holder(picture: Picture) -> Mask:
    """Holder and label edge, with the shadow and the camera's noise around them. They reach the picture's
    edge: dark tissue and its folds do not.
    """
    red, green, blue = cv2.split(picture[::2, ::2])
    black = (cv2.blur(cv2.max(cv2.max(red, green), blue), (5, 5)) < _OPAQUE).astype(np.uint8)
    count, labels = cv2.connectedComponents(black, connectivity=8)
    from_outside = np.zeros(count, bool)
    for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        from_outside[side] = True
    from_outside[0] = False
    if not from_outside.any():
        return np.zeros(picture.shape[:2], bool)
    return _widened(from_outside[labels], 7, picture)


def ink(picture: Picture) -> Mask:
    """Felt pen, and what a scanner's software has drawn into its photograph: black, or pure colours that let
    green through. Every stain of tissue takes most from the green, or is paler.
    """
    red, green, blue = cv2.split(picture)
    most, least = cv2.max(green, blue), cv2.min(red, blue)
    spread = cv2.subtract(most, least)
    pure = (green > red) & (most > _OPAQUE) & (spread > most * np.float32(_VIVID))
    brightest = cv2.max(most, red)
    black = (brightest < _BLACK) & (cv2.subtract(brightest, cv2.min(green, least)) < _NEUTRAL)
    strokes = cv2.erode(black.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0  # nuclei are smaller
    drawn = pure | strokes
    if not drawn.any():
        return np.asarray(drawn)
    return cv2.dilate(drawn.astype(np.uint8), np.ones((11, 11), np.uint8)).astype(bool)


def empty_glass(picture: Picture, glass: Mask) -> Picture:
    """What the picture would be with nothing on the glass: for each colour a bent plane of brightness through
    what is about as bright as the commonest bright place. ``glass`` is where glass or tissue may be.
    """
    height, width = glass.shape
    small = cv2.resize(
        picture, (max(2, width // _SHRINK), max(2, height // _SHRINK)), interpolation=cv2.INTER_AREA
    ).astype(np.float32)
    free = cv2.resize(glass.astype(np.uint8), small.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
    y, x = (axis.ravel() for axis in np.mgrid[-1 : 1 : small.shape[0] * 1j, -1 : 1 : small.shape[1] * 1j])
    terms = np.column_stack([np.ones_like(x), x, y, x * x, x * y, y * y]).astype(np.float32)
    shades = [_shade(terms, small[..., n].ravel(), free.ravel()).reshape(free.shape) for n in range(3)]
    shade = np.clip(np.dstack(shades), 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(shade, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _shade(terms: Floats, values: Floats, free: Mask) -> Floats:
    level = _commonest(values[free])
    shade = np.full(values.shape, level, np.float32)
    for near in _NEARER:
        lit = free & (np.abs(values - shade) < near * level)
        if lit.sum() < _ENOUGH_GLASS * lit.size:
            break
        used = terms[lit]
        bent = np.linalg.solve(used.T @ used + _FLAT * lit.size, used.T @ (values[lit] - level))
        shade = np.asarray(np.clip(level + terms @ bent, _DIMMEST * level, 255), np.float32)
    return shade


def _commonest(values: Floats) -> float:
    """The commonest of the brighter half."""
    if not values.size:
        return 255.0
    counts = np.bincount(values[values >= np.median(values)].astype(np.int64), minlength=256)
    return float(np.argmax(np.convolve(counts, np.ones(3), "same")))


def _widened(small: Mask, by: int, like: Picture) -> Mask:
    wide = cv2.dilate(small.astype(np.uint8), np.ones((by, by), np.uint8))
    full = cv2.resize(wide, like.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(full, bool)
