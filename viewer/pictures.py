"""Any part of a slide at any size, composed for eyes: tiles, thumbnails, regions and IIIF are made of it."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput, Unavailable
from viewer import queries
from viewer.addressing import Box, Size
from viewer.looks import Look
from viewer.models import VirtualSlide
from viewer.tiles import Pixels, compose
from vslide import Damaged, NoSuchField, SlideReader

AS_IT_OPENS = Look()
_NEARLY = 1.02
"""The last tiles are cut off at part of a px: they are shown from the same zoom layer as the others."""


def picture(virtual: VirtualSlide, box: Box, size: Size, look: Look = AS_IT_OPENS) -> NDArray[np.uint8]:
    """(height, width, 3) of a box, which may reach beyond the slide. Raises BadInput, Unavailable."""
    with reading(virtual) as reader:
        channels = look.shown(len(reader.channels))
        z = (reader.layers - 1) // 2 if look.z is None else look.z
        raw = read(reader, box, size, channels=channels, z=z, t=look.t)
    own = queries.windows(virtual)
    return compose(raw, look.painted([own[channel] for channel in channels]))


@contextmanager
def reading(virtual: VirtualSlide) -> Iterator[SlideReader]:
    """The open reader; what goes wrong with its pixels becomes an error for the person who asked."""
    try:
        with queries.lease(virtual) as reader:
            yield reader
    except NoSuchField as error:
        raise BadInput("The slide has no such pixels.", reason=str(error)) from error
    except Damaged as error:
        raise Unavailable("This part of the slide is damaged on its volume.", reason=str(error)) from error


def read(
    reader: SlideReader,
    box: Box,
    size: Size,
    *,
    channels: Sequence[int],
    z: int = 0,
    t: int = 0,
) -> Pixels:
    """(C, height, width) raw px of a box at this size, from the zoom layer next finer. Raises NoSuchField."""
    scale = min(box.width / size[0], box.height / size[1])
    layer = 1 << max(0, math.floor(math.log2(scale * _NEARLY)))
    level = min(layer, max(1, int(max(reader.levels))))
    left, top = box.x // level, box.y // level
    right, bottom = -(-(box.x + box.width) // level), -(-(box.y + box.height) // level)
    raw: Pixels = reader.region(
        left, top, right - left, bottom - top, level=level, channels=channels, z=z, t=t
    )
    if raw.shape[1:] == (size[1], size[0]):
        return raw
    way = cv2.INTER_AREA if scale >= 1 else cv2.INTER_LINEAR
    return np.stack([cv2.resize(plane, size, interpolation=way) for plane in raw])
