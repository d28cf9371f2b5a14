"""Zoom layers: exact means of L x L camera pixels, halves rounded up.

A field whose side is no multiple of the largest layer is continued by repeating its last row and column.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vslide.geometry import divide_up
from vslide.model import ZOOM_LAYERS

Pixels = NDArray[Any]


def zoom_layers(pixels: Pixels, layers: tuple[int, ...] = ZOOM_LAYERS) -> dict[int, Pixels]:
    """{L: (ceil(H / L), ceil(W / L))} of a colour field (H, W), dtype unchanged. Layers are rising powers of
    two.
    """
    height, width = pixels.shape
    last = layers[-1]
    padding = ((0, -height % last), (0, -width % last))
    sums = (np.pad(pixels, padding, mode="edge") if any(map(any, padding)) else pixels).astype(np.uint32)
    result, factor = {}, 1
    for layer in layers:
        while factor < layer:
            sums = sums[0::2, 0::2] + sums[0::2, 1::2] + sums[1::2, 0::2] + sums[1::2, 1::2]
            factor *= 2
        area = layer * layer
        means = ((sums + area // 2) // area).astype(pixels.dtype)
        result[layer] = np.ascontiguousarray(means[: divide_up(height, layer), : divide_up(width, layer)])
    return result


def resample(pixels: Pixels, start: tuple[float, float], step: float, shape: tuple[int, int]) -> Pixels:
    """Area means of (C, H, W): output pixel (j, i) covers `step` source px from `start` (y, x) + (j, i) *
    step.

    Beyond the edge nothing counts; a pixel wholly outside repeats the edge.
    """
    result = pixels.astype(np.float64)
    for axis, (first, count) in enumerate(zip(start, shape, strict=True), start=1):
        size = result.shape[axis]
        edges = np.clip(first + step * np.arange(count + 1), 0, size)
        result = _span_means(np.moveaxis(result, axis, -1), edges)
        result = np.moveaxis(result, -1, axis)
    return np.floor(result + 0.5).astype(pixels.dtype)


def _span_means(values: Pixels, edges: NDArray[np.float64]) -> Pixels:
    size = values.shape[-1]
    sums = np.zeros((*values.shape[:-1], size + 1))
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    whole = np.minimum(edges.astype(np.int64), size - 1)
    at_edges = sums[..., whole] + (edges - whole) * values[..., whole]
    spans = np.diff(edges)
    means: Pixels = np.diff(at_edges, axis=-1) / np.where(spans > 1e-9, spans, 1)
    return np.where(spans > 1e-9, means, values[..., whole[:-1]])
