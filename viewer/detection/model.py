"""The shape of a pipeline: a patch of a slide in, a labelled picture of what was found out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from viewer.tiles import Window

Labels = NDArray[np.int32]
Plane = NDArray[np.float32]
Values = Mapping[str, float]
Ring = tuple[tuple[float, float], ...]
Outline = tuple[Ring, ...]
"""One thing: its outer ring, then its holes, in px of level 1."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number that a person may choose."""

    name: str
    title: str
    low: float
    high: float
    usual: float
    step: float

    def read(self, text: Any) -> float:
        """Raises BadInput outside its range."""
        try:
            value = self.usual if text is None else float(text)
        except (TypeError, ValueError) as error:
            raise BadInput(f"{self.title} is a number.", field=self.name) from error
        if not self.low <= value <= self.high:
            raise BadInput(f"{self.title} is {self.low:g} to {self.high:g}.", field=self.name)
        return value


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A part of a slide as a pipeline gets it: (C, H, W) raw px, how large they are, the windows that show
    the channels well, and whether light comes through the tissue.
    """

    raw: NDArray[Any]
    um_per_px: float
    windows: tuple[Window, ...]
    brightfield: bool


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`find` labels what it sees, 0 being nothing, and `paint` colours the labels as RGBA.

    It works on px of `um_per_px` (the finest for 0), or as coarse as the screen where `any_scale`, and looks
    `margin_um` beyond what it is asked for, on a grid of `grid_px`. `outlined` is the label whose areas are
    things; None: each label is one thing of its own.
    """

    name: str
    version: int
    title: str
    legend: str
    thing: str
    um_per_px: float
    margin_um: float
    grid_px: int
    any_scale: bool
    outlined: int | None
    parameters: tuple[Parameter, ...]
    find: Callable[[Patch, Values], Labels]
    paint: Callable[[Labels], NDArray[np.uint8]]

    @property
    def origin(self) -> str:
        """What an annotation made of it says."""
        return f"detector {self.name} {self.version}"

    def values(self, given: Mapping[str, Any]) -> dict[str, float]:
        """Its parameters, from what a client sent. Raises BadInput."""
        return {one.name: one.read(given.get(one.name)) for one in self.parameters}
