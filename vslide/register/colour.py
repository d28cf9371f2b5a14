"""How the pictures of a slide's channels lie on one another."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vslide.errors import NoSuchField
from vslide.reader import SlideReader
from vslide.register.measure import Match, match
from vslide.register.mosaic import header_of, in_threads, sample

CHANNEL_TOLERANCE_UM = 10.0
_FIELDS = 48
_ENOUGH = 3
_WINDOW_PX = 1024
_MEDIAN_TO_MEAN = 1.2533
"""The standard error of a median, in those of a mean (normal distribution)."""
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class ChannelOffset:
    """A thing at pixel u in the reference channel is at u + (x_px, y_px) in this one: the median over
    `fields` fields.

    `spread_px` is the deviation of a single field (both axes together), `error_px` the standard error of the
    median. When fewer than three fields match (of fewer fields, not all), there is nothing to go by: `fields`
    is 0 and the rest is NaN.
    """

    channel: int
    name: str
    fields: int
    x_px: float
    y_px: float
    x_um: float
    y_um: float
    spread_px: float
    error_px: float


def channel_offsets(
    reader: SlideReader, reference: int = 0, *, tolerance_um: float = CHANNEL_TOLERANCE_UM
) -> tuple[ChannelOffset, ...]:
    """The offset of every channel against `reference`, each found by phase correlation of up to 48 fields in
    the middle focus layer. Raises NoSuchField, Damaged.
    """
    if not 0 <= reference < len(reader.channels):
        raise NoSuchField(f"no channel {reference}")
    layer = min({field.key.z for field in reader.fields}, key=lambda z: abs(z - reader.layers // 2))
    candidates = [field.index for field in reader.fields if field.key.z == layer]
    chosen = [candidates[number] for number in sample(len(candidates), _FIELDS)]
    rows, columns = (middle(side) for side in header_of(reader).field_shape)
    others = [channel for channel in range(len(reader.channels)) if channel != reference]

    def one(index: int) -> list[Match | None]:
        base = reader.plane(index, reference)[rows, columns]
        reach = tolerance_um / reader.pixel_size_um
        return [match(reader.plane(index, c)[rows, columns], base, (0.0, 0.0), reach) for c in others]

    table = list(in_threads(one, chosen))
    offsets = {reference: np.zeros((len(chosen), 2))}
    for number, channel in enumerate(others):
        offsets[channel] = shifts_of([row[number] for row in table])
    return tuple(_offset(reader, channel, offsets[channel], len(chosen)) for channel in sorted(offsets))


def middle(side: int) -> slice:
    """The middle of a field's side, at most 1024 px."""
    start = max(0, side - _WINDOW_PX) // 2
    return slice(start, start + min(side, _WINDOW_PX))


def shifts_of(matches: Sequence[Match | None]) -> NDArray[np.float64]:
    """(n, 2) shifts in px of those that matched."""
    return np.array([one.shift for one in matches if one is not None], np.float64).reshape(-1, 2)


def _offset(reader: SlideReader, channel: int, shifts: NDArray[np.float64], fields: int) -> ChannelOffset:
    name, count = reader.channels[channel].name, len(shifts)
    if count < min(_ENOUGH, fields):
        return ChannelOffset(channel, name, 0, *[math.nan] * 6)
    x, y = (float(value) for value in np.median(shifts, axis=0))
    deviations = _MAD_TO_SIGMA * np.median(np.abs(shifts - (x, y)), axis=0)
    spread = float(np.linalg.norm(deviations))
    error = _MEDIAN_TO_MEAN * spread / math.sqrt(count)
    pixel = reader.pixel_size_um
    return ChannelOffset(channel, name, count, x, y, x * pixel, y * pixel, spread, error)
