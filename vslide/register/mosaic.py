"""Registration of a whole mosaic: neighbours, their shifts, and where every field truly lies."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from vslide.errors import NoSuchField, NotASlide
from vslide.model import Field, SlideHeader
from vslide.reader import SlideReader
from vslide.readers.base import PixelCache, Pixels
from vslide.register.measure import Match, match
from vslide.register.pairs import Pair, neighbours, windows
from vslide.register.result import PairResult, Registration, State
from vslide.register.solve import Floats, Links, Solution, solve

Progress = Callable[[int, int], None]
"""Called with (pairs done, pairs in all) from the calling thread."""

STAGE_TOLERANCE_UM = 25.0
"""How far a stage may be off, if nothing else is said."""
GRAIN_PX = 0.25
"""Error of a shift that is still a good one."""
_REACH = 0.25
_SAMPLES = 9
_COARSE = 8
_THREADS = 4
_PLANES_BYTES = 192 << 20

Item = TypeVar("Item")
Result = TypeVar("Result")


def register(
    reader: SlideReader,
    *,
    channel: int | None = None,
    z: int | None = None,
    tolerance_um: float | None = None,
    progress: Progress | None = None,
) -> Registration:
    """Find where the fields of `reader` truly lie, from what neighbours show in their overlaps.

    `channel`: the one with most structure if None. `z`: the focus layer that is compared, the middle one if
    None; the other layers of a field move with it. Time points are registered each for itself.
    `tolerance_um`: how far the stage may be off (25 µm, at most a quarter of a field). At most
    192 MB of decoded fields are kept. Raises NotASlide, NoSuchField, Damaged.
    """
    header, fields = header_of(reader), reader.fields
    chosen = busiest_channel(reader) if channel is None else channel
    layer = reader.layers // 2 if z is None else z
    if not (0 <= chosen < len(reader.channels) and 0 <= layer < reader.layers):
        raise NoSuchField(f"no channel {chosen} or layer {layer}")
    places = Places.of(fields, layer)
    reach = reach_px(header, tolerance_um)
    height, width = header.field_shape
    pairs = _pairs(fields, places, reader.pixel_size_um, (width, height))
    matches = list(_measure(Planes(reader, chosen), (width, height), pairs, reach, progress))
    links = _links(places, pairs, matches, reader.pixel_size_um)
    pixel = reader.pixel_size_um
    solution = solve(places.stage[places.first], links, grain=GRAIN_PX * pixel, reach=reach * pixel)
    return Registration(
        fields=fields,
        channel=chosen,
        z=layer,
        corners_um=places.spread(solution),
        residual_um=_field_residuals(places, links, solution),
        pairs=_pair_results(pairs, matches, links, solution),
        trend=solution.trend,
        stage_error_um=solution.spread,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where the stage stood: `first` holds the numbers of the fields that are compared, one for each (r, c,
    t), and `place` (N,) says for every field which of them it moves with. `stage` (N, 2) in µm.
    """

    stage: Floats
    first: NDArray[np.int64]
    place: NDArray[np.int64]

    @classmethod
    def of(cls, fields: Sequence[Field], layer: int) -> Self:
        """Of the focus layers of a place, the one nearest to `layer` is compared."""
        nearest: dict[tuple[int, int, int], Field] = {}
        for field in fields:
            where = field.key.r, field.key.c, field.key.t
            known = nearest.get(where)
            if known is None or abs(field.key.z - layer) < abs(known.key.z - layer):
                nearest[where] = field
        first = np.array(sorted(field.index for field in nearest.values()), np.int64)
        own = np.array([nearest[f.key.r, f.key.c, f.key.t].index for f in fields], np.int64)
        stage = np.array([(field.x_um, field.y_um) for field in fields], np.float64)
        return cls(stage, first, np.searchsorted(first, own))

    def spread(self, solution: Solution) -> Floats:
        """Corners (N, 2) of every field: each layer as far from the compared one as the stage moved."""
        steps = self.stage - self.stage[self.first][self.place]
        return np.asarray(solution.positions[self.place] + steps @ solution.trend.T)


def header_of(reader: SlideReader) -> SlideHeader:
    """The header of a slide that has fields of view. Raises NotASlide for a vendor file."""
    if reader.header is None or not reader.fields:
        raise NotASlide("registration needs a slide with fields of view")
    return reader.header


class Planes:
    """One channel of a slide, a field decoded once or twice however many neighbours it has. Thread-safe."""

    def __init__(self, reader: SlideReader, channel: int) -> None:
        self._reader, self._channel = reader, channel
        self._cache = PixelCache(_PLANES_BYTES)

    def window(self, index: int, rows: slice, columns: slice) -> Pixels:
        """Pixels [rows, columns] of a field."""
        return self._cache.get(index, lambda: self._reader.plane(index, self._channel))[rows, columns]


def reach_px(header: SlideHeader, tolerance_um: float | None) -> float:
    """The stage tolerance in px, at most a quarter of a field."""
    wanted = (STAGE_TOLERANCE_UM if tolerance_um is None else tolerance_um) / header.pixel_size_um
    return max(1.0, min(wanted, _REACH * min(header.field_shape)))


def busiest_channel(reader: SlideReader) -> int:
    """The channel whose fields vary most in brightness, judged by a few fields at a coarse level."""
    level = int(min(reader.levels, key=lambda one: abs(one - _COARSE)))
    chosen = sample(len(reader.fields), _SAMPLES)
    contrast = [
        float(np.median([np.std(reader.plane(index, channel, level=level)) for index in chosen]))
        for channel in range(len(reader.channels))
    ]
    return int(np.argmax(contrast))


def sample(count: int, most: int) -> list[int]:
    """At most `most` numbers below `count`, evenly spread."""
    return sorted({int(number) for number in np.linspace(0, count - 1, min(most, count))})


def in_threads(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """The results in order. Decoding, filters and Fourier transforms release the interpreter's lock."""
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1), thread_name_prefix="register") as pool:
        yield from pool.map(work, items)


def _pairs(fields: Sequence[Field], places: Places, pixel: float, size: tuple[int, int]) -> list[Pair]:
    corners = places.stage / pixel
    times = sorted({field.key.t for field in fields})
    return [
        pair
        for t in times
        for pair in neighbours([n for n in places.first.tolist() if fields[n].key.t == t], corners, size)
    ]


def _measure(
    planes: Planes, size: tuple[int, int], pairs: Sequence[Pair], reach: float, progress: Progress | None
) -> Iterator[Match | None]:
    """For each pair the true shift from `a` to `b` in px, or None."""

    def one(pair: Pair) -> Match | None:
        area = windows(pair.shift, size, math.ceil(reach))
        parts = [
            planes.window(n, slice(y, y + area.size[1]), slice(x, x + area.size[0]))
            for n, (x, y) in ((pair.a, area.start_a), (pair.b, area.start_b))
        ]
        moved = area.shift
        found = match(parts[0], parts[1], (pair.shift[0] - moved[0], pair.shift[1] - moved[1]), reach)
        return found and replace(found, shift=(found.shift[0] + moved[0], found.shift[1] + moved[1]))

    for done, found in enumerate(in_threads(one, pairs), start=1):
        if progress is not None:
            progress(done, len(pairs))
        yield found


def _links(places: Places, pairs: Sequence[Pair], matches: Sequence[Match | None], pixel: float) -> Links:
    found = [(p.a, p.b, m) for p, m in zip(pairs, matches, strict=True) if m is not None]
    ends = np.array([(a, b) for a, b, _ in found], np.int64).reshape(-1, 2)
    shifts = np.array([m.shift for _, _, m in found], np.float64).reshape(-1, 2) * pixel
    weights = np.array([m.correlation**2 for _, _, m in found], np.float64)
    return Links(places.place[ends[:, 0]], places.place[ends[:, 1]], shifts, weights)


def _field_residuals(places: Places, links: Links, solution: Solution) -> Floats:
    """(N,) root mean square of the residuals of the believed links at each field, NaN where there is none."""
    used = links.where(solution.used)
    squares = np.sum(solution.residuals[solution.used] ** 2, axis=1)
    ends, count = np.concatenate([used.a, used.b]), len(places.first)
    sums = np.bincount(ends, np.concatenate([squares, squares]), count)
    numbers = np.bincount(ends, minlength=count)
    means = np.divide(sums, numbers, out=np.full(count, np.nan), where=numbers > 0)
    return np.asarray(np.sqrt(means)[places.place])


def _pair_results(
    pairs: Sequence[Pair], matches: Sequence[Match | None], links: Links, solution: Solution
) -> tuple[PairResult, ...]:
    lengths = np.linalg.norm(solution.residuals, axis=1).tolist()
    rows = iter(zip(links.shift.tolist(), lengths, solution.used.tolist(), strict=True))
    results = []
    for pair, found in zip(pairs, matches, strict=True):
        if found is None:
            results.append(PairResult(pair.a, pair.b, "no evidence"))
            continue
        (x, y), length, used = next(rows)
        state: State = "used" if used else "outlier"
        results.append(PairResult(pair.a, pair.b, state, (x, y), length, found.correlation))
    return tuple(results)
