"""Nuclei: blobs of one channel (haematoxylin in brightfield), parted where they touch by a watershed."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import feature, segmentation

from viewer.detection.density import of_channel
from viewer.detection.model import Labels, Parameter, Patch, Pipeline, Values

_SMALLEST, _LARGEST = 0.2, 4.0
"""Of the area of a disc of the usual diameter."""
_peaks: Callable[..., NDArray[np.int64]] = feature.peak_local_max
_watershed: Callable[..., NDArray[np.int32]] = segmentation.watershed
_boundaries: Callable[..., NDArray[np.bool_]] = segmentation.find_boundaries
_TINT, _EDGE = (0, 200, 100, 60), (0, 170, 70, 255)


def find(patch: Patch, values: Values) -> Labels:
    """Each nucleus its own label. Background that is wider than three nuclei is taken off first."""
    radius = values["diameter"] / 2 / patch.um_per_px
    seen = of_channel(patch, int(values["channel"]))
    smooth = cv2.GaussianBlur(seen, (0, 0), max(0.7, radius / 4))
    wide = cv2.GaussianBlur(smooth, (0, 0), 3 * radius)
    mask = np.minimum(smooth, smooth - wide * 0.5) > values["threshold"]
    # Both the middle of a shape and its brightest place speak for a nucleus.
    depth = np.asarray(ndimage.distance_transform_edt(mask), np.float32)
    height = np.asarray(cv2.GaussianBlur(depth, (0, 0), radius / 4) / radius + smooth)
    peaks = _peaks(height, min_distance=max(1, round(radius * 0.7)), labels=mask.astype(np.int32))
    seeds = np.zeros(mask.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = np.asarray(_watershed(-height, seeds, mask=mask), np.int32)
    areas = np.bincount(labels.ravel()) / (np.pi * radius**2)
    fits = (areas >= _SMALLEST) & (areas <= _LARGEST)
    fits[0] = False
    return np.where(fits[labels], labels, 0).astype(np.int32)


def paint(labels: Labels) -> NDArray[np.uint8]:
    """A tint, and a line round each."""
    picture = np.zeros((*labels.shape, 4), np.uint8)
    picture[labels > 0] = _TINT
    picture[_boundaries(labels, mode="inner")] = _EDGE
    return picture


NUCLEI = Pipeline(
    name="nuclei",
    version=1,
    title="Nuclei",
    legend="Each nucleus has a line round it.",
    thing="nucleus",
    um_per_px=0.5,
    margin_um=15.0,
    grid_px=1,
    any_scale=False,
    outlined=None,
    parameters=(
        Parameter("channel", "Channel", 0, 63, 0, 1),
        Parameter("diameter", "Size, µm", 3, 30, 8, 0.5),
        Parameter("threshold", "Least stain", 0.02, 0.9, 0.15, 0.01),
    ),
    find=find,
    paint=paint,
)
