"""A slide with focus layers and time points, for the tests of what is exported."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.vslide.slides import Specimen, make_specimen
from vslide.model import FieldKey, Plane, SlideHeader

STEP_UM = 1.5


@dataclass(frozen=True)
class Stack(Specimen):
    """A specimen with `header.layers` layers 1.5 µm apart and `header.times` time points."""

    def planes(self) -> list[Plane]:
        return [replace(plane, z_um=STEP_UM * plane.key.z) for plane in super().planes()]

    def at(self, z: int, t: int) -> NDArray[Any]:
        """The mosaic (C, H, W) of one layer at one time."""
        chosen = {name: pixels for name, pixels in self.pixels.items() if (name[0].z, name[0].t) == (z, t)}
        return Specimen(self.header, chosen, self.corners).mosaic()

    def whole(self) -> NDArray[Any]:
        """Every mosaic: (T, C, Z, H, W)."""
        header = self.header
        times = [[self.at(z, t) for z in range(header.layers)] for t in range(header.times)]
        return np.moveaxis(np.array(times), 1, 2)


def make_stack(header: SlideHeader) -> Stack:
    flat = make_specimen(header)
    pixels, corners = {}, {}
    for t in range(header.times):
        for z in range(header.layers):
            for (key, channel), plane in flat.pixels.items():
                there = FieldKey(key.r, key.c, z, t)
                corners[there] = flat.corners[key]
                pixels[there, channel] = np.roll(plane, 7 * z + 13 * t, 1)
    return Stack(header, pixels, corners)
