"""How good the pictures of a finished slide are: how sharp every field, what is missing, what is overexposed,
how well neighbours fit, and whether tissue was left out (docs/quality.md).

Pixels are read chunk by chunk: at most one chunk of a field, and whole fields only for a few neighbours.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vslide.errors import NotASlide
from vslide.histogram import histogram
from vslide.reader import SlideReader
from vslide.readers.chunked import ChunkedReader
from vslide.register.mosaic import busiest_channel, in_threads, sample
from vslide.seams import seam_um
from vslide.sharpness import sharpness

Pixels = NDArray[Any]
Mask = NDArray[np.bool_]
Single = NDArray[np.float32]

NO_TISSUE = -1.0
MOST_PLACES = 4000
"""Places of a mosaic that are scored; of a larger one, so many evenly spread."""
_MOST_LAYERS, _MOST_TIMES = 5, 3
_SATURATION_PLACES = 64
_SEAM_PLACES = 25
_LOOKED_AT = 512
"""px of a side of what is scored of a field."""

_TISSUE_SIDE = 16  # px of a field at the level where tissue is looked for, at least
_TISSUE_LEAST = 0.1
_TISSUE_DEPTH = 0.1  # of the darkest (brightest) tissue of the slide
_TISSUE_GREYS = {"uint8": 6.0, "uint16": 30.0}
_TELL_SHADING = 9
"""Fields from which the shading of empty glass can be told; with fewer, so much of the light is shading:"""
_SHADING = 0.12
_CLEARLY_SHARP = 0.6
_TRIED = 5
_CAMERA_TOPS = (255, 1023, 4095, 16_383, 65_535)


@dataclass(frozen=True, slots=True, eq=False)
class Tissue:
    """Where a snapshot shows tissue: pixel (column, row) of ``mask`` (H, W) lies at stage µm ``origin_um +
    (column, row) * um_per_px``.
    """

    mask: Mask
    um_per_px: float
    origin_um: tuple[float, float]


@dataclass(frozen=True, slots=True)
class PlaceScore:
    """How sharp one place of the grid is, 0 to 1, or NO_TISSUE. ``index`` is the field that was judged: of
    several layers the sharpest, of several times the worst.
    """

    r: int
    c: int
    index: int
    score: float


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured. ``saturated`` is the share of px at the camera's top of each channel, ``outside``
    the share of the snapshot's tissue that no field covers (None: no snapshot), ``seam_um`` how far
    neighbours disagree with the stage (95 of 100 pairs less; None: no pair tells).
    """

    places: tuple[PlaceScore, ...]
    missing: int
    saturated: tuple[float, ...]
    outside: float | None
    seam_um: float | None

    @property
    def scored(self) -> list[float]:
        """The scores of the places that hold tissue."""
        return [place.score for place in self.places if place.score != NO_TISSUE]

    @property
    def focus(self) -> float:
        """The median score, 0 where no place holds tissue."""
        return float(np.median(self.scored)) if self.scored else 0.0

    def blurred(self, below: float) -> float:
        """The share of the places with tissue whose score is lower."""
        return sum(score < below for score in self.scored) / max(1, len(self.scored))


def measure(slide: SlideReader, tissue: Tissue | None = None) -> Measures:
    """Measure a mosaic. Raises NotASlide for a vendor file, and Damaged or KeyMissing as its pixels do."""
    if not isinstance(slide, ChunkedReader):
        raise NotASlide("quality is measured on a mosaic of ours")
    header, channel = slide.header, busiest_channel(slide)
    places = _places(slide)
    chosen = [places[number] for number in sample(len(places), MOST_PLACES)]
    found = _scores(slide, channel, chosen)
    planned = header.rows * header.columns * header.layers * header.times
    with_tissue = [place for place in found if place.score != NO_TISSUE]
    return Measures(
        places=tuple(found),
        missing=planned - len({field.key for field in slide.fields}),
        saturated=_saturated(slide, with_tissue or found),
        outside=outside(slide, tissue) if tissue is not None else None,
        seam_um=seam_um(slide, channel, _in_the_middle(with_tissue)) if with_tissue else None,
    )


def outside(slide: SlideReader, tissue: Tissue) -> float:
    """The share of a snapshot's tissue that no field of the slide covers."""
    header = slide.header
    if header is None or not tissue.mask.any():
        return 0.0
    left_out = tissue.mask.copy()
    scale, size = tissue.um_per_px, header.pixel_size_um
    corners = np.array([(field.x_um, field.y_um) for field in slide.fields]) - np.array(tissue.origin_um)
    ends = corners + np.array((header.field_width, header.field_height)) * size
    # A px that a field covers in part counts as covered: the snapshot is not more exact than that.
    starts, stops = np.floor(corners / scale).astype(int), np.ceil(ends / scale).astype(int)
    for (x, y), (right, bottom) in zip(np.maximum(starts, 0), np.maximum(stops, 0), strict=True):
        left_out[y:bottom, x:right] = False
    return float(left_out.sum() / tissue.mask.sum())


Place = dict[tuple[int, int], int]
"""The fields of one place of the grid: {(layer, time): number}."""


def _places(slide: ChunkedReader) -> list[Place]:
    found: dict[tuple[int, int], Place] = {}
    for field in slide.fields:
        key = field.key
        found.setdefault((key.r, key.c), {})[key.z, key.t] = field.index
    return list(found.values())


def _middle(place: Place) -> int:
    """The field of the middle layer of a place, at its first time."""
    time = min(t for _, t in place)
    layers = sorted(z for z, t in place if t == time)
    return place[layers[len(layers) // 2], time]


def _scores(slide: ChunkedReader, channel: int, places: Sequence[Place]) -> list[PlaceScore]:
    """Look for tissue at a coarse level, then score the chunk of each field that holds most of it."""
    jobs = list(
        zip(places, _tissue_chunks(slide, channel, [_middle(place) for place in places]), strict=True)
    )

    colours = _by_sharpness(slide, channel, [(_middle(place), chunk) for place, chunk in jobs if chunk])

    def one(job: tuple[Place, tuple[int, int] | None]) -> PlaceScore:
        place, chunk = job
        key = slide.fields[_middle(place)].key
        if chunk is None:
            return PlaceScore(key.r, key.c, _middle(place), NO_TISSUE)
        index, score = _worst_time(place, lambda index: _sharpest(slide, index, colours, chunk))
        return PlaceScore(key.r, key.c, index, score)

    return list(in_threads(one, jobs))


def _by_sharpness(
    slide: ChunkedReader, channel: int, chunks: Sequence[tuple[int, tuple[int, int]]]
) -> list[int]:
    """The channels to judge by, the sharpest first: some stains are smooth however well they are in focus. In
    brightfield all colours are of one picture.
    """
    if slide.header.modality == "brightfield":
        return [channel]
    some = [chunks[at] for at in sample(len(chunks), _TRIED)] if chunks else []
    scores = {
        one: sum(sharpness(_chunk(slide, index, one, chunk)) for index, chunk in some)
        for one in range(len(slide.channels))
    }
    return sorted(scores, key=lambda one: -scores[one])


def _sharpest(slide: ChunkedReader, index: int, channels: Sequence[int], chunk: tuple[int, int]) -> float:
    """The score of the sharpest channel; the next one is looked at only while none is clearly sharp."""
    best = 0.0
    for channel in channels:
        best = max(best, sharpness(_chunk(slide, index, channel, chunk)))
        if best >= _CLEARLY_SHARP:
            break
    return best


def _worst_time(place: Place, score_of: Callable[[int], float]) -> tuple[int, float]:
    """(number, score) of the sharpest layer of the worst time of a place; of many, some are looked at."""
    times = sorted({t for _, t in place})
    worst: tuple[int, float] | None = None
    for t in (times[at] for at in sample(len(times), _MOST_TIMES)):
        layers = sorted(z for z, time in place if time == t)
        looked_at = [place[layers[at], t] for at in sample(len(layers), _MOST_LAYERS)]
        best = max(((index, score_of(index)) for index in looked_at), key=lambda found: found[1])
        worst = best if worst is None or best[1] < worst[1] else worst
    assert worst is not None  # noqa: S101  a place has a field
    return worst


def _tissue_chunks(
    slide: ChunkedReader, channel: int, indices: Sequence[int]
) -> Iterator[tuple[int, int] | None]:
    """(row, column) of the chunk with most tissue of each field; None where there is too little.

    Empty glass shows what lens and lamp do at each px: it is the brightest (in fluorescence: the darkest)
    that any field has there.
    """
    sides = slide.header.field_shape
    level = max(int(one) for one in slide.levels if one == 1 or min(sides) / one >= _TISSUE_SIDE)
    fields = np.stack([slide.plane(index, channel, level=level) for index in indices])
    brightfield, few = slide.header.modality == "brightfield", len(fields) < _TELL_SHADING
    axis = None if few else 0
    empty = fields.max(axis=axis) if brightfield else fields.min(axis=axis)
    deepest = float(np.percentile(_depth(fields, empty), 99.5))
    least = max(_TISSUE_GREYS[slide.header.dtype], _TISSUE_DEPTH * deepest)
    if few and brightfield:
        least = max(least, _SHADING * float(empty))
    rows, columns = slide.header.chunk_counts
    for field in fields:
        seen = (_depth(field, empty) > least).astype(np.float32)
        if seen.mean() < _TISSUE_LEAST:
            yield None
            continue
        shares = cv2.resize(seen, (columns, rows), interpolation=cv2.INTER_AREA)
        row, column = np.unravel_index(int(np.argmax(shares)), shares.shape)
        yield int(row), int(column)


def _depth(pixels: Pixels, empty: Pixels) -> Single:
    """How far px are from what empty glass shows."""
    return np.abs(pixels.astype(np.float32) - empty)


def _chunk(slide: ChunkedReader, index: int, channel: int, place: tuple[int, int]) -> Pixels:
    each = slide.chunk_shape(1)[0][1]
    pixels = slide.fresh_pixels(slide.place_of(index, channel, *place, 1))
    return pixels[0, channel % each, :_LOOKED_AT, :_LOOKED_AT]


def _saturated(slide: ChunkedReader, places: Sequence[PlaceScore]) -> tuple[float, ...]:
    """The share of px at the camera's top, channel by channel, in the middle chunk of some fields."""
    some = [places[at].index for at in sample(len(places), _SATURATION_PLACES)]
    middle = tuple(count // 2 for count in slide.header.chunk_counts)
    greys = 1 << 8 * slide.dtype.itemsize
    return tuple(
        _at_the_top(histogram((_chunk(slide, index, channel, middle) for index in some), greys).counts)  # type: ignore[arg-type]
        for channel in range(len(slide.channels))
    )


def _at_the_top(counts: NDArray[np.int64]) -> float:
    """A camera of 10, 12 or 14 bits has its top below that of the pixel's type."""
    highest = len(counts) - 1
    return float(counts[-1] / max(1, counts.sum())) if highest in _CAMERA_TOPS else 0.0


def _in_the_middle(places: Sequence[PlaceScore]) -> list[int]:
    """The fields of some places in the middle of the tissue, in the order in which they were taken."""
    grid = np.array([(place.r, place.c) for place in places], np.float64)
    near = np.argsort(np.linalg.norm(grid - np.median(grid, axis=0), axis=1), kind="stable")[:_SEAM_PLACES]
    return [places[at].index for at in sorted(near.tolist())]
