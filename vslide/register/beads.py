"""What a slide of beads tells of the microscope: camera against stage, pixel size, repeatability, colour
offsets.
"""

import math
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from vslide.errors import NoEvidence
from vslide.model import Field
from vslide.reader import SlideReader
from vslide.register.colour import ChannelOffset, channel_offsets, middle
from vslide.register.measure import match
from vslide.register.mosaic import Progress, header_of, in_threads, reach_px, register
from vslide.register.result import Registration, axis_angles
from vslide.register.solve import Floats

_MIN_FIELDS = 4


@dataclass(frozen=True, slots=True)
class Measured:
    """A value and its standard uncertainty, in the same unit."""

    value: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Camera and stage as the beads show them.

    `rotation_deg`: the stage's axes in the picture, clockwise on the screen; `shear_deg`: by how much the
    angle between them exceeds 90°. `pixel_width_um`, `pixel_height_um`: the pixel by which the stage's steps
    come out right, beside the header's `stated_pixel_um`. `repeat_x_um`, `repeat_y_um`: how far the stage is
    from where it says (one deviation, along the picture's axes), from places that were visited more than once
    or, if there are none, from what the best straight map from stage to picture leaves.
    """

    fields: int
    rotation_deg: Measured
    shear_deg: Measured
    stated_pixel_um: float
    pixel_width_um: Measured
    pixel_height_um: Measured
    repeat_x_um: Measured
    repeat_y_um: Measured
    repeat_from: Literal["visits", "residuals"]
    channels: tuple[ChannelOffset, ...]

    def summary(self) -> dict[str, Any]:
        """As JSON-able values; an offset that is not known is null."""
        channels = [
            {name: None if value != value else value for name, value in asdict(one).items()}
            for one in self.channels
        ]
        return asdict(self) | {"channels": channels}


@dataclass(frozen=True, slots=True, eq=False)
class _Map:
    """positions = (stage @ matrix.T) + one offset per part; `noise` (2,) is what that leaves along x and y,
    `freedom` the number of independent residuals, `spread` (2,) the diagonal of (SᵀS)⁻¹.
    """

    matrix: Floats
    noise: Floats
    freedom: int
    spread: Floats


def calibrate(
    reader: SlideReader,
    *,
    channel: int | None = None,
    tolerance_um: float | None = None,
    progress: Progress | None = None,
) -> Calibration:
    """Measure the microscope with a slide of sub-resolution beads that was scanned with overlaps.

    Raises NoEvidence when fewer than four fields hang together or all lie in one line, NoSuchField, Damaged.
    """
    found = register(reader, channel=channel, tolerance_um=tolerance_um, progress=progress)
    straight = _fit_map(found)
    reach = reach_px(header_of(reader), tolerance_um)
    visits = _visits(reader, found, straight.matrix, reach)
    across, down = axis_angles(straight.matrix)
    errors = straight.noise[::-1] * np.sqrt(straight.spread)  # of the two angles, in rad
    angle = math.degrees(0.5 * float(np.linalg.norm(errors)))
    width, height = (_pixel_size(reader.pixel_size_um, straight, axis) for axis in (0, 1))
    noise, freedom = (straight.noise, straight.freedom) if visits is None else visits
    repeat = [Measured(float(value), float(value) / math.sqrt(2 * freedom)) for value in noise]
    return Calibration(
        fields=int((~np.isnan(found.residual_um)).sum()),
        rotation_deg=Measured(math.degrees((across + down) / 2), angle),
        shear_deg=Measured(math.degrees(down - across), 2 * angle),
        stated_pixel_um=reader.pixel_size_um,
        pixel_width_um=width,
        pixel_height_um=height,
        repeat_x_um=repeat[0],
        repeat_y_um=repeat[1],
        repeat_from="residuals" if visits is None else "visits",
        channels=channel_offsets(reader, channel or 0),
    )


def _pixel_size(stated_um: float, straight: _Map, axis: int) -> Measured:
    """Stage steps come out `stretch` times too long with the stated pixel size, so the pixel is that much
    smaller.
    """
    stretch = float(np.linalg.norm(straight.matrix[:, axis]))
    error = float(straight.noise[axis] * math.sqrt(straight.spread[axis])) / stretch
    return Measured(stated_um / stretch, stated_um / stretch * error)


def _fit_map(found: Registration) -> _Map:
    """The straight map from stage to picture over all fields that a pair places, each part of the mosaic with
    an offset of its own.
    """
    stage, corners, parts = [], [], 0
    positions = np.array([(field.x_um, field.y_um) for field in found.fields])
    for members in _parts(found):
        stage.append(positions[members] - positions[members].mean(axis=0))
        corners.append(found.corners_um[members] - found.corners_um[members].mean(axis=0))
        parts += 1
    count = sum(map(len, stage))
    freedom = count - 2 - parts
    if freedom < 1 or count < _MIN_FIELDS:
        raise NoEvidence(f"only {count} fields hang together by their overlaps")
    steps, places = np.concatenate(stage), np.concatenate(corners)
    normal = steps.T @ steps
    if np.linalg.eigvalsh(normal)[0] < 1e-6 * np.trace(normal):
        raise NoEvidence("all fields lie in one line: two rows and two columns are needed")
    matrix = np.linalg.solve(normal, steps.T @ places).T
    rest = places - steps @ matrix.T
    noise = np.sqrt(np.sum(rest**2, axis=0) / freedom)
    return _Map(matrix, noise, freedom, np.diag(np.linalg.inv(normal)))


def _parts(found: Registration) -> list[list[int]]:
    """The numbers of the fields that used pairs join, part by part."""
    used = [pair for pair in found.pairs if pair.state == "used"]
    joined = sparse.coo_matrix(
        (np.ones(len(used)), ([pair.a for pair in used], [pair.b for pair in used])),
        shape=[len(found.fields)] * 2,
    )
    part = connected_components(joined, directed=False)[1].tolist()
    members: dict[int, list[int]] = defaultdict(list)
    for number in sorted({number for pair in used for number in (pair.a, pair.b)}):
        members[part[number]].append(number)
    return list(members.values())


def _visits(
    reader: SlideReader, found: Registration, matrix: Floats, reach: float
) -> tuple[Floats, int] | None:
    """(deviation along x and y in µm, independent values behind it) of repeated visits to the same places;
    None when there were none. What all places of a time point moved together is drift, and does not count.
    """
    visits: dict[tuple[int, int], list[Field]] = defaultdict(list)
    for field in found.fields:
        if field.key.z == found.z:
            visits[field.key.r, field.key.c].append(field)
    repeated = [(place[0], later) for place in visits.values() for later in place[1:]]
    rows, columns = (middle(side) for side in header_of(reader).field_shape)

    def moved(pair: tuple[Field, Field]) -> tuple[int, tuple[int, int], Floats] | None:
        a, b = pair
        step = matrix @ np.array([b.x_um - a.x_um, b.y_um - a.y_um])
        expected = step / reader.pixel_size_um
        before, after = (reader.plane(one.index, found.channel)[rows, columns] for one in pair)
        seen = match(before, after, (float(expected[0]), float(expected[1])), reach)
        if seen is None:
            return None
        return b.key.t, (b.key.r, b.key.c), np.array(seen.shift) * reader.pixel_size_um - step

    seen = [one for one in in_threads(moved, repeated) if one is not None]
    drift = {
        t: np.median([away for time, _, away in seen if time == t], axis=0)
        for t in {time for time, _, _ in seen}
    }
    errors: dict[tuple[int, int], list[Floats]] = defaultdict(lambda: [np.zeros(2)])
    for t, place, away in seen:
        errors[place].append(away - drift[t])
    freedom = len(seen) - len(drift)
    if freedom < 1:
        return None
    squares = sum(np.sum((np.array(one) - np.mean(one, axis=0)) ** 2, axis=0) for one in errors.values())
    return np.sqrt(squares / freedom), freedom
