"""What to scan, as frozen data that yields fields of view.

Stage coordinates are µm from the top-left corner of the glass, x along its long side, y downwards; a field's
position is that of its own top-left corner, z is the height of the focal plane.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from microscope.errors import PlanInvalid
from vslide.model import RGB, Channel, Encoding, FieldKey, SlideHeader

Colours = Literal["field", "mosaic"]
Modality = Literal["brightfield", "fluorescence"]

MAX_LAYERS = 25
MAX_CHANNELS = 8
MAX_FIELDS = 4_000_000
EXPOSURES = (0.01, 100.0)


@dataclass(frozen=True, slots=True)
class Rect:
    """An area of the glass in stage µm."""

    x_um: float
    y_um: float
    width_um: float
    height_um: float


@dataclass(frozen=True, slots=True)
class FocusPoint:
    """A place to focus on, in stage µm. ``z_um`` is None until it has been measured (or set by a person)."""

    x_um: float
    y_um: float
    z_um: float | None = None


@dataclass(frozen=True, slots=True)
class PlannedField:
    """One field of view to come: ``index`` is its place in acquisition order, x and y its top-left corner in
    µm.
    """

    index: int
    key: FieldKey
    x_um: float
    y_um: float


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """Everything that the runner needs to know to scan one slide.

    ``overlap`` is the share of a field that its neighbour repeats, ``layer_step_um`` the distance of two
    z-layers, which lie evenly around the focus surface. ``colours`` is "field" (all channels of a field
    before the stage moves) or "mosaic" (the whole mosaic in one channel, then in the next). Brightfield
    plans carry the three channels of ``RGB``; with the ``encoding`` "jpeg" a field of theirs comes as one
    plane with all three colours, otherwise planes are lossless. ``exposure`` is how long to expose, times the
    scanner's own time. Raises ``PlanInvalid`` for anything that cannot be scanned.
    """

    area: Rect
    focus_points: tuple[FocusPoint, ...]
    field_width: int
    field_height: int
    pixel_size_um: float
    overlap: float = 0.1
    channels: tuple[Channel, ...] = RGB
    layers: int = 1
    layer_step_um: float = 1.0
    times: int = 1
    colours: Colours = "field"
    modality: Modality = "brightfield"
    magnification: float = 10.0
    stain: str = ""
    encoding: Encoding = "blosc"
    exposure: float = 1.0

    def __post_init__(self) -> None:
        _check(self)

    @property
    def step_um(self) -> tuple[float, float]:
        """The distance of neighbouring fields (x, y) in µm."""
        keep = (1.0 - self.overlap) * self.pixel_size_um
        return self.field_width * keep, self.field_height * keep

    @property
    def rows(self) -> int:
        return _steps(self.area.height_um, self.field_height * self.pixel_size_um, self.step_um[1])

    @property
    def columns(self) -> int:
        return _steps(self.area.width_um, self.field_width * self.pixel_size_um, self.step_um[0])

    @property
    def field_count(self) -> int:
        """Fields of view over all layers and times: what ``fields()`` yields."""
        return self.rows * self.columns * self.layers * self.times

    @property
    def plane_count(self) -> int:
        """What the proxy gets: ``field_count`` times the planes of a field."""
        return self.field_count * self.planes

    @property
    def planes(self) -> int:
        """Planes that a field is handed over in: one for each channel; a JPEG holds all three."""
        return 1 if self.encoding == "jpeg" else len(self.channels)

    @property
    def dtype(self) -> Literal["uint8", "uint16"]:
        return "uint8" if self.modality == "brightfield" else "uint16"

    def fields(self) -> Iterator[PlannedField]:
        """All fields in acquisition order: times, then positions in serpentine order, then layers from
        below.
        """
        step_x, step_y = self.step_um
        index = 0
        for t in range(self.times):
            for r in range(self.rows):
                forth = r % 2 == 0
                for c in range(self.columns) if forth else reversed(range(self.columns)):
                    for z in range(self.layers):
                        x, y = self.area.x_um + c * step_x, self.area.y_um + r * step_y
                        yield PlannedField(index, FieldKey(r, c, z, t), x, y)
                        index += 1

    def exposures(self) -> Iterator[tuple[PlannedField, tuple[int, ...]]]:
        """Fields with the planes to take there, in acquisition order. With colours "mosaic" each field
        comes once a plane.
        """
        every = tuple(range(self.planes))
        rounds = (every,) if self.colours == "field" else tuple((channel,) for channel in every)
        for channels in rounds:
            for field in self.fields():
                yield field, channels

    def layer_offset_um(self, z: int) -> float:
        """How far layer ``z`` lies above (negative: below) the focus surface."""
        return (z - (self.layers - 1) / 2) * self.layer_step_um

    def header(
        self,
        *,
        slide_id: str,
        run_id: str,
        chunk: tuple[int, int],
        scanner: str = "",
        driver: str = "",
        objective: str = "",
        software: str = "",
        key_id: str = "",
    ) -> SlideHeader:
        """The virtual slide's header for this plan; ``chunk`` is (height, width) as
        ``vslide.codec.chunk_grid`` gives it, ``key_id`` the key that the slide is to be sealed with.
        """
        return SlideHeader(
            slide_id=slide_id,
            run_id=run_id,
            modality=self.modality,
            field_width=self.field_width,
            field_height=self.field_height,
            dtype=self.dtype,
            channels=tuple(self._as_exposed(channel) for channel in self.channels),
            encoding=self.encoding,
            key_id=key_id,
            pixel_size_um=self.pixel_size_um,
            magnification=self.magnification,
            rows=self.rows,
            columns=self.columns,
            layers=self.layers,
            times=self.times,
            chunk_width=chunk[1],
            chunk_height=chunk[0],
            scanner=scanner,
            driver=driver,
            objective=objective,
            software=software,
            stain=self.stain,
        )

    def _as_exposed(self, channel: Channel) -> Channel:
        if channel.exposure_ms is None:
            return channel
        return replace(channel, exposure_ms=channel.exposure_ms * self.exposure)


def _steps(extent_um: float, field_um: float, step_um: float) -> int:
    # The small allowance keeps a field that is only rounding error from being scanned as a further row.
    return 1 + max(0, math.ceil((extent_um - field_um) / step_um - 1e-6))


def _check(plan: ScanPlan) -> None:
    area = plan.area
    numbers = (
        area.x_um,
        area.y_um,
        area.width_um,
        area.height_um,
        plan.pixel_size_um,
        plan.overlap,
        plan.layer_step_um,
        plan.magnification,
        plan.exposure,
    )
    problems = {
        "not a finite number": not all(math.isfinite(number) for number in numbers),
        "area: nothing to scan": not (area.width_um > 0 and area.height_um > 0),
        "field_width, field_height: 16 to 16384 px": not all(
            16 <= n <= 16384 for n in (plan.field_width, plan.field_height)
        ),
        "pixel_size_um: must be positive": not plan.pixel_size_um > 0,
        "overlap: 0 up to 0.9": not 0 <= plan.overlap <= 0.9,
        f"layers: 1 to {MAX_LAYERS}": not 1 <= plan.layers <= MAX_LAYERS,
        "layer_step_um: must be positive": not plan.layer_step_um > 0,
        f"exposure: {EXPOSURES[0]} to {EXPOSURES[1]}": not EXPOSURES[0] <= plan.exposure <= EXPOSURES[1],
        "times: 1 to 10000": not 1 <= plan.times <= 10_000,
        f"channels: 1 to {MAX_CHANNELS}": not 1 <= len(plan.channels) <= MAX_CHANNELS,
        "channels: brightfield has red, green and blue": plan.modality == "brightfield"
        and len(plan.channels) != 3,
        "encoding: jpeg is for brightfield": plan.encoding == "jpeg"
        and (plan.modality, plan.channels) != ("brightfield", RGB),
    }
    for problem, present in problems.items():
        if present:
            raise PlanInvalid(problem)
    if plan.field_count > MAX_FIELDS:
        raise PlanInvalid(f"area: {plan.field_count} fields, at most {MAX_FIELDS}")
