"""Zoom layers: exact means of L x L camera pixels, halves rounded up.

A field whose side is no multiple of the largest layer is continued by repeating its last row and column.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vslide.geometry import divide_up
from vslide.model import ZOOM_LAYERS

Pixels = NDArray[Any]
LAST = ZOOM_LAYERS[-1]
MOST_BLOCK = 128
"""px of a side: the sum of a block of 16-bit px fits into 32 bits."""


class ZoomSums:
    """The zoom layers of one colour field of (height, width) px, from parts of it as they are decoded: what
    is summed while it lies in the processor's cache takes half the time.
    """

    def __init__(self, height: int, width: int) -> None:
        self._shape = (height, width)
        self._sums = np.empty((-(-height // LAST) * LAST // 4, -(-width // LAST) * LAST // 4), np.uint32)

    def add(self, pixels: Pixels, top: int = 0, left: int = 0) -> None:
        """A part (h, w) at (top, left), in multiples of 4 px unless it reaches the last row or column."""
        pixels = _whole_fours(pixels)
        sums = _sums_of_4(pixels)
        below, beside = top // 4 + sums.shape[0], left // 4 + sums.shape[1]
        rows, columns = slice(top // 4, below), slice(left // 4, beside)
        self._sums[rows, columns] = sums
        if last_column := 4 * beside >= self._shape[1]:
            self._sums[rows, beside:] = _sums_of_4(np.repeat(pixels[:, -1:], 4, axis=1))
        if last_row := 4 * below >= self._shape[0]:
            self._sums[below:, columns] = _sums_of_4(np.repeat(pixels[-1:], 4, axis=0))
        if last_row and last_column:
            self._sums[below:, beside:] = 16 * int(pixels[-1, -1])

    def layers(self, dtype: DTypeLike) -> dict[int, Pixels]:
        """{L: (ceil(H / L), ceil(W / L))}, when every part has been added."""
        height, width = self._shape
        sums, factor, result = self._sums, 4, {}
        for layer in ZOOM_LAYERS:
            while factor < layer:
                sums = sums[0::2, 0::2] + sums[0::2, 1::2] + sums[1::2, 0::2] + sums[1::2, 1::2]
                factor *= 2
            area = layer * layer
            means = ((sums + area // 2) >> area.bit_length() - 1).astype(dtype)
            result[layer] = np.ascontiguousarray(means[: divide_up(height, layer), : divide_up(width, layer)])
        return result


def zoom_layers(pixels: Pixels) -> dict[int, Pixels]:
    """{L: (ceil(H / L), ceil(W / L))} of a colour field (H, W), dtype unchanged."""
    sums = ZoomSums(*pixels.shape)
    sums.add(pixels)
    return sums.layers(pixels.dtype)


def _whole_fours(pixels: Pixels) -> Pixels:
    """Its last row and column repeated until both sides are multiples of 4, as they nearly always are."""
    down, right = (-side % 4 for side in pixels.shape)
    return np.pad(pixels, ((0, down), (0, right)), mode="edge") if down or right else pixels


def _sums_of_4(pixels: Pixels) -> NDArray[np.uint32]:
    """Sums of 4 x 4 px. Rows first: whole rows add three times as fast as every fourth pixel does."""
    rows = np.add(pixels[0::4], pixels[1::4], dtype=np.uint32)
    rows += pixels[2::4]
    rows += pixels[3::4]
    sums: NDArray[np.uint32] = rows[:, 0::4] + rows[:, 1::4]
    sums += rows[:, 2::4]
    sums += rows[:, 3::4]
    return sums


def resample(pixels: Pixels, start: tuple[float, float], step: float, shape: tuple[int, int]) -> Pixels:
    """Area means of (C, H, W): output pixel (j, i) covers `step` source px from `start` (y, x) + (j, i) *
    step.

    Beyond the edge nothing counts; a pixel wholly outside repeats the edge.
    """
    blocks = start == (0, 0) and pixels.shape[1:] == (shape[0] * step, shape[1] * step)
    if blocks and step == int(step) and step <= MOST_BLOCK:
        return _block_means(pixels, int(step))
    result = pixels.astype(np.float64)
    for axis, (first, count) in enumerate(zip(start, shape, strict=True), start=1):
        size = result.shape[axis]
        edges = np.clip(first + step * np.arange(count + 1), 0, size)
        result = _span_means(np.moveaxis(result, axis, -1), edges)
        result = np.moveaxis(result, -1, axis)
    return np.floor(result + 0.5).astype(pixels.dtype)


def _block_means(pixels: Pixels, side: int) -> Pixels:
    """The same of whole blocks of `side` x `side` px, twenty times as fast: a viewer's tile at half size."""
    rows = np.add(pixels[:, 0::side], 0, dtype=np.uint32)
    for row in range(1, side):
        rows += pixels[:, row::side]
    sums = np.full((*rows.shape[:2], rows.shape[2] // side), side * side // 2, np.uint32)
    for column in range(side):
        sums += rows[..., column::side]
    means: Pixels = (sums // (side * side)).astype(pixels.dtype)
    return means


def _span_means(values: Pixels, edges: NDArray[np.float64]) -> Pixels:
    size = values.shape[-1]
    sums = np.zeros((*values.shape[:-1], size + 1))
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    whole = np.minimum(edges.astype(np.int64), size - 1)
    at_edges = sums[..., whole] + (edges - whole) * values[..., whole]
    spans = np.diff(edges)
    means: Pixels = np.diff(at_edges, axis=-1) / np.where(spans > 1e-9, spans, 1)
    return np.where(spans > 1e-9, means, values[..., whole[:-1]])
