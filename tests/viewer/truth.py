"""What the browser should have painted of a view: the viewer's sums in NumPy, from the stored planes.

The rule of sampling (docs/viewer.md): the middle of a screen pixel lies at a point p of the slide, found by
turning the screen about the view's centre. The field that was acquired last of those that hold p owns the
pixel. A camera pixel that is magnified is the texel under p; a magnified zoom layer is interpolated between
the four texels round p; what is made smaller is the mean of n x n texels, evenly spread over the (turned)
screen pixel. Neighbours are sought in the chunk that holds p.

A graphics card computes p in floats. Where a sample lies within `NEAR` of a texel's border either texel is
right: the reference is therefore a pair of pictures, the lowest and the highest that may be painted, which
differ at those pixels only.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vslide import SlideReader

NEAR = 2e-3
Numbers = NDArray[np.float64]
Bounds = tuple[Numbers, Numbers]
RIGHT, BELOW = np.array([1, 0]), np.array([0, 1])
_SHIFTS = ((0.0, 0.0), (NEAR, NEAR), (NEAR, -NEAR), (-NEAR, NEAR), (-NEAR, -NEAR))


@dataclass(frozen=True)
class ChannelView:
    """How one channel is painted."""

    colour: tuple[int, int, int]
    low: float
    high: float
    gamma: float = 1.0
    opacity: float = 1.0
    shown: bool = True
    dx: float = 0.0
    dy: float = 0.0

    def link(self) -> str:
        red, green, blue = self.colour
        numbers = (self.low, self.high, self.gamma, self.opacity, self.dx, self.dy)
        return f"{int(self.shown)},{red:02x}{green:02x}{blue:02x}," + ",".join(repr(n) for n in numbers)


@dataclass(frozen=True)
class View:
    """What is seen: place, and how it is painted."""

    x: float
    y: float
    resolution: float
    degrees: float
    channels: tuple[ChannelView, ...]
    registered: bool = False
    z: int = 0
    t: int = 0
    picture: tuple[float, float, float] = (0.0, 1.0, 1.0)

    def link(self) -> str:
        """The viewer's address of it."""
        place = f"#x={self.x!r}&y={self.y!r}&s={self.resolution!r}&r={self.degrees!r}"
        layers = f"&z={self.z}&t={self.t}&g={int(self.registered)}"
        picture = "&i=" + ",".join(repr(n) for n in self.picture)
        channels = "".join(f"&c{n}={channel.link()}" for n, channel in enumerate(self.channels))
        return place + layers + picture + channels


@dataclass
class Reference:
    """One slide, and how its views look. `header` is what the browser is told of it."""

    reader: SlideReader
    header: dict[str, Any]
    _planes: dict[tuple[int, int, int], Numbers] = field(default_factory=dict)

    def paint(self, view: View, size: tuple[int, int]) -> Bounds:
        """The lowest and the highest (height, width, 3) of 0..255 that are right."""
        level = self.level(view.resolution)
        low, high = (np.zeros((size[1] * size[0], 3)) for _ in range(2))
        for number, channel in enumerate(view.channels):
            if channel.shown:
                bounds = self._values(view, channel, number, level, size)
                for total, values in zip((low, high), bounds, strict=True):
                    total += _coloured(values, channel, view.picture)
        return tuple(np.minimum(total, 255).reshape(size[1], size[0], 3) for total in (low, high))  # type: ignore[return-value]

    @property
    def outside(self) -> float:
        """The intensity where nothing was scanned: white glass or darkness."""
        return 255.0 if self.header["modality"] == "brightfield" else 0.0

    def level(self, resolution: float) -> dict[str, Any]:
        sharp = [one for one in self.header["levels"] if one["downsample"] <= 1.5 * resolution]
        found: dict[str, Any] = (sharp or self.header["levels"][:1])[-1]
        return found

    def _values(
        self, view: View, channel: ChannelView, number: int, level: dict[str, Any], size: tuple[int, int]
    ) -> Bounds:
        """The lowest and highest raw intensity of each pixel."""
        sampler = _Sampler(self, view, number, level)
        points = _points(view, size) - (channel.dx, channel.dy)
        low, unsure = sampler.exact(points)
        high = low.copy()
        low[unsure], high[unsure] = sampler.bounds(points[unsure])
        return low, high

    def plane(self, index: int, channel: int, level: int) -> Numbers:
        key = (index, channel, level)
        if key not in self._planes:
            self._planes[key] = self.reader.plane(index, channel, level=level).astype(np.float64)
        return self._planes[key]


def _points(view: View, size: tuple[int, int]) -> Numbers:
    """(n, 2) slide px under the middles of the screen's pixels."""
    right, down = np.meshgrid(np.arange(size[0]) + 0.5 - size[0] / 2, np.arange(size[1]) + 0.5 - size[1] / 2)
    turn = math.radians(view.degrees)
    x = view.x + view.resolution * (right * math.cos(turn) + down * math.sin(turn))
    y = view.y + view.resolution * (down * math.cos(turn) - right * math.sin(turn))
    return np.stack([x.ravel(), y.ravel()], axis=1)


def _coloured(values: Numbers, channel: ChannelView, picture: tuple[float, float, float]) -> Numbers:
    """(n, 3) of what one channel adds, 0..255."""
    brightness, contrast, gamma = picture
    share = (values - channel.low) / max(1, channel.high - channel.low)
    share = np.clip((share - 0.5) * contrast + 0.5 + brightness, 0, 1) ** (channel.gamma * gamma)
    return share[:, None] * np.array(channel.colour, np.float64) * channel.opacity


@dataclass
class _Sampler:
    reference: Reference
    view: View
    channel: int
    level: dict[str, Any]

    @cached_property
    def fields(self) -> list[tuple[int, float, float]]:
        """(index, x, y) of the fields of this focus layer and time point, in painting order."""
        about, axis = self.reference.header["fields"], "registered" if self.view.registered else ""
        xs, ys = (about[f"{axis}{side}" if axis else side.lower()] for side in ("X", "Y"))
        zt = zip(about["z"], about["t"], strict=True)
        return [(n, xs[n], ys[n]) for n, one in enumerate(zt) if one == (self.view.z, self.view.t)]

    @cached_property
    def step(self) -> float:
        return self.view.resolution / float(self.level["downsample"])

    @cached_property
    def taps(self) -> list[tuple[float, float]]:
        """Where in a screen pixel samples are taken, in texels from its middle."""
        count = min(4, max(1, math.ceil(self.step - 0.05)))
        if count == 1:
            return [(0.0, 0.0)]
        shares = [(n + 0.5) / count - 0.5 for n in range(count)]
        cos, sin = (f(math.radians(self.view.degrees)) * self.step for f in (math.cos, math.sin))
        return [(u * cos + v * sin, v * cos - u * sin) for v in shares for u in shares]

    def owned(self, points: Numbers) -> Iterator[tuple[NDArray[np.bool_], int, Numbers]]:
        """(which points, field, their texels) of each field, the last of several winning."""
        about = self.reference.header["fields"]
        texels = np.array([about["width"], about["height"]]) / self.level["downsample"]
        free = np.ones(len(points), bool)
        for index, x, y in reversed(self.fields):
            places = (points - (x, y)) / self.level["downsample"]
            mine = free & (places >= 0).all(axis=1) & (places < texels).all(axis=1)
            free &= ~mine
            if mine.any():
                yield mine, index, places[mine]

    def exact(self, points: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
        """Intensities, and which of them may differ by the rounding of a float."""
        values, unsure = np.full(len(points), self.reference.outside), np.zeros(len(points), bool)
        for _, x, y in self.fields:
            unsure |= self._near_its_edge(points, x, y)
        for mine, index, places in self.owned(points):
            values[mine] = np.mean([self._sample(index, places, places + tap) for tap in self.taps], axis=0)
            unsure[mine] |= self._near_a_border(places)
        return values, unsure

    def _near_its_edge(self, points: Numbers, x: float, y: float) -> NDArray[np.bool_]:
        about, downsample = self.reference.header["fields"], self.level["downsample"]
        middle = np.array([about["width"], about["height"]]) / 2
        outside = np.abs(points - (x, y) - middle) - middle  # of its four sides, level-1 px
        return np.asarray(np.abs(outside.max(axis=1)) < 2 * NEAR * downsample)

    def _near_a_border(self, places: Numbers) -> NDArray[np.bool_]:
        chunk = (self.level["chunkWidth"], self.level["chunkHeight"])
        near = (np.abs(places / chunk - np.round(places / chunk)) * chunk < NEAR).any(axis=1)
        if not self.smooth:
            for tap in self.taps:
                at = places + tap
                near |= (np.abs(at - np.round(at)) < NEAR).any(axis=1)
        return np.asarray(near)

    @property
    def smooth(self) -> bool:
        return len(self.taps) == 1 and self.level["downsample"] > 1

    def bounds(self, points: Numbers) -> Bounds:
        """The lowest and highest intensity when each sample may lie a little aside."""
        low, high = np.full(len(points), np.inf), np.full(len(points), -np.inf)
        for shift in np.array(_SHIFTS) * self.level["downsample"]:
            least, most = (np.full(len(points), self.reference.outside) for _ in range(2))
            for mine, index, places in self.owned(points + shift):
                taps = [
                    [self._sample(index, places, places + tap + aside) for aside in 2 * np.array(_SHIFTS)]
                    for tap in self.taps
                ]
                least[mine] = np.mean([np.min(one, axis=0) for one in taps], axis=0)
                most[mine] = np.mean([np.max(one, axis=0) for one in taps], axis=0)
            low, high = np.minimum(low, least), np.maximum(high, most)
        return low, high

    def _sample(self, index: int, places: Numbers, samples: Numbers) -> Numbers:
        """Intensities at `samples` (texels), within the chunks that hold `places`."""
        plane = self.reference.plane(index, self.channel, self.level["downsample"])
        chunk = np.array([self.level["chunkWidth"], self.level["chunkHeight"]])
        first = np.floor(places / chunk) * chunk
        last = np.minimum(first + chunk, plane.shape[::-1]) - 1

        def at(texels: Numbers) -> Numbers:
            x, y = np.clip(texels, first, last).astype(np.int64).T
            return np.asarray(plane[y, x])

        if not self.smooth:
            return at(np.floor(samples))
        corner = np.floor(samples - 0.5)
        across, down = (samples - 0.5 - corner).T
        top = at(corner) * (1 - across) + at(corner + RIGHT) * across
        bottom = at(corner + BELOW) * (1 - across) + at(corner + RIGHT + BELOW) * across
        return np.asarray(top * (1 - down) + bottom * down)


def only(view: View, *shown: int) -> View:
    """The view with these channels alone."""
    channels = tuple(replace(channel, shown=n in shown) for n, channel in enumerate(view.channels))
    return replace(view, channels=channels)
