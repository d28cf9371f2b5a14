"""How well neighbouring fields of a slide fit together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vslide.model import Field
from vslide.reader import SlideReader
from vslide.readers.chunked import ChunkedReader
from vslide.register import register

Pixels = NDArray[Any]


def seam_um(slide: ChunkedReader, channel: int, indices: Sequence[int]) -> float | None:
    """How far neighbours of these fields (one of a place) lie from where the stage has them: 95 of 100 pairs
    less. None where no pair tells.
    """
    part = _Part.of(slide, indices)
    stage = [np.array((field.x_um, field.y_um)) for field in part.fields]
    off = [
        float(np.linalg.norm(np.array(pair.shift_um) - (stage[pair.b] - stage[pair.a])))
        for pair in register(cast(SlideReader, part), channel=channel, z=0).pairs
        if pair.shift_um is not None
    ]
    return float(np.percentile(off, 95)) if off else None


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Some fields of a slide, one of a place, as far as registration looks at it."""

    slide: ChunkedReader
    numbers: tuple[int, ...]
    fields: tuple[Field, ...]

    @classmethod
    def of(cls, slide: ChunkedReader, numbers: Sequence[int]) -> "_Part":
        fields = tuple(
            replace(field, index=at, key=replace(field.key, z=0, t=0))
            for at, field in enumerate(slide.fields[number] for number in numbers)
        )
        return cls(slide, tuple(numbers), fields)

    layers = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self.slide, name)

    def plane(self, index: int, channel: int, *, level: int = 1) -> Pixels:
        return self.slide.plane(self.numbers[index], channel, level=level)
