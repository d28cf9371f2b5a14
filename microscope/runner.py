"""Scan one slide: focus, then loop over the fields of a plan. What to scan, with what and where to are
given.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from microscope.drivers.base import Driver, Pixels, Position, Shutter, SnapshotImages
from microscope.errors import Blurred, FieldsMissing, FocusFailed, PlanInvalid
from microscope.focus import FocusSurface, fit_surface, propose
from microscope.plan import FocusPoint, PlannedField, ScanPlan
from vslide import codec
from vslide.jpeg import encode_rgb
from vslide.model import FieldKey, Plane

Done = Collection[tuple[FieldKey, int]]

FLUSH_TIMEOUT_S = 60.0
_EXPOSURES_TRIED = 3
_DRIFT_ALLOWED_UM = 4.0


class Sink(Protocol):
    """Where planes go. ``put`` may block; after ``flush`` every plane is durable."""

    def put(self, plane: Plane) -> None: ...

    def flush(self, timeout_s: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. ``done`` and ``planned`` count planes; ``stopped`` means that it was asked to stop
    before the end.
    """

    done: int
    planned: int
    stopped: bool
    residual_um: float


def run(
    driver: Driver,
    plan: ScanPlan,
    sink: Sink,
    *,
    done: Done = frozenset(),
    on_progress: Callable[[int, int], None] = lambda done, planned: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Scan the glass on the stage into ``sink``, leaving out the planes that are in ``done``.

    ``should_stop`` is asked before every field (and may block to pause). Raises ``FocusFailed`` when too few
    focus points are found, ``Blurred`` when the focus has drifted away by the end, ``PlanInvalid`` when the
    pictures are not what the plan says, other ``ScannerError``s as they come from the driver, and whatever
    the sink raises.
    """
    _set_exposure(driver, plan.exposure)
    measured = measure(driver, plan.focus_points, should_stop)
    if measured is None:
        return Outcome(len(done), plan.plane_count, True, 0.0)
    surface = fit_surface(measured)
    loop = _Loop(driver, plan, sink, surface)
    count = len(done)
    for field, channels in plan.exposures():
        wanted = [channel for channel in channels if (field.key, channel) not in done]
        if not wanted:
            continue
        if should_stop():
            return Outcome(count, plan.plane_count, True, surface.residual_um)
        loop.take(field, wanted)
        count += len(wanted)
        on_progress(count, plan.plane_count)
    sink.flush(FLUSH_TIMEOUT_S)
    _check_drift(driver, plan.focus_points, measured)
    return Outcome(count, plan.plane_count, False, surface.residual_um)


def measure(
    driver: Driver, points: tuple[FocusPoint, ...], should_stop: Callable[[], bool] = lambda: False
) -> list[FocusPoint] | None:
    """Focus at every point that has no height yet; points where nothing is found are left out. None when
    stopped.

    Raises ``FocusFailed`` when fewer than three, or than a third of the points are found.
    """
    found: list[FocusPoint] = []
    for point in points:
        if should_stop():
            return None
        z_um = _height(driver, point) if point.z_um is None else point.z_um
        if z_um is not None:
            found.append(FocusPoint(point.x_um, point.y_um, z_um))
    if len(found) < max(3, -(-len(points) // 3)):
        raise FocusFailed(f"focus found at {len(found)} of {len(points)} points")
    return found


def try_focus(driver: Driver, shot: SnapshotImages, tries: int) -> tuple[FocusPoint, ...]:
    """Focus at the first ``tries`` places that a snapshot suggests. Where nothing is found the height is
    None: to be known before the night.
    """
    if tries < 1:
        return ()
    places = propose(shot.macro, shot.um_per_px, shot.origin_um).points[:tries]
    return tuple(FocusPoint(place.x_um, place.y_um, _height(driver, place)) for place in places)


def _height(driver: Driver, place: FocusPoint) -> float | None:
    try:
        return driver.autofocus(place.x_um, place.y_um)
    except FocusFailed:
        return None


def _set_exposure(driver: Driver, factor: float) -> None:
    if isinstance(driver, Shutter):
        driver.set_exposure(factor)
    elif factor != 1.0:
        raise PlanInvalid("exposure: this scanner always exposes for its own time")


def _numbers(driver: Driver, plan: ScanPlan) -> list[int]:
    """What the scanner calls the channels of a plan, which may want some of its own only."""
    if plan.modality == "brightfield":
        return [0] * len(plan.channels)
    known = [channel.name for channel in driver.describe().channels]
    unknown = [channel.name for channel in plan.channels if channel.name not in known]
    if unknown:
        raise PlanInvalid(f"channels: this scanner has no {', '.join(unknown)}")
    return [known.index(channel.name) for channel in plan.channels]


class _Loop:
    """Takes one field after the other."""

    def __init__(self, driver: Driver, plan: ScanPlan, sink: Sink, surface: FocusSurface) -> None:
        self._driver, self._plan, self._sink, self._surface = driver, plan, sink, surface
        self._chunk = codec.chunk_grid(plan.field_height, plan.field_width)
        self._codecs: dict[int, str] = {}
        self._colours = _numbers(driver, plan)

    def take(self, field: PlannedField, wanted: list[int]) -> None:
        """Move to a field, expose, compress and hand over its wanted channels."""
        plan = self._plan
        middle_x = field.x_um + plan.field_width * plan.pixel_size_um / 2
        middle_y = field.y_um + plan.field_height * plan.pixel_size_um / 2
        z_um = self._surface.z(middle_x, middle_y) + plan.layer_offset_um(field.key.z)
        reached = self._driver.move(field.x_um, field.y_um, z_um)
        if plan.modality == "brightfield":
            rgb = self._checked(self._expose(0), (plan.field_height, plan.field_width, 3))
            if plan.encoding == "jpeg":
                self._put(field, 0, encode_rgb(rgb, self._chunk), reached)
                return
            for channel in wanted:
                self._hand_over(field, channel, rgb[..., channel], reached)
            return
        for channel in wanted:
            self._hand_over(
                field,
                channel,
                self._checked(self._expose(self._colours[channel]), (plan.field_height, plan.field_width)),
                reached,
            )

    def _expose(self, channel: int) -> Pixels:
        for _ in range(_EXPOSURES_TRIED - 1):
            try:
                return self._driver.expose(channel)
            except FieldsMissing:
                continue
        return self._driver.expose(channel)

    def _checked(self, pixels: Pixels, shape: tuple[int, ...]) -> Pixels:
        if pixels.shape != shape or pixels.dtype != self._plan.dtype:
            raise PlanInvalid(
                f"the camera gives {pixels.dtype} {pixels.shape}, "
                f"the {self._plan.modality} plan says {self._plan.dtype} {shape}"
            )
        return pixels

    def _hand_over(
        self, field: PlannedField, channel: int, pixels: NDArray[np.uint8] | NDArray[np.uint16], at: Position
    ) -> None:
        # The first picture of a channel decides how it is compressed; every chunk says how to decode it.
        if channel not in self._codecs:
            self._codecs[channel] = codec.probe(pixels)
        self._put(field, channel, codec.encode_plane(pixels, self._chunk, self._codecs[channel]), at)

    def _put(self, field: PlannedField, plane: int, chunks: tuple[bytes, ...], at: Position) -> None:
        self._sink.put(Plane(field.key, plane, at.x_um, at.y_um, at.z_um, chunks))


def _check_drift(driver: Driver, planned: tuple[FocusPoint, ...], measured: list[FocusPoint]) -> None:
    """Focus once more where focus was first found: has it moved since?"""
    by_hand = {(point.x_um, point.y_um) for point in planned if point.z_um is not None}
    first = next((point for point in measured if (point.x_um, point.y_um) not in by_hand), None)
    if first is None or first.z_um is None:
        return
    try:
        drift = driver.autofocus(first.x_um, first.y_um) - first.z_um
    except FocusFailed:
        return  # one sweep without a result says nothing about the pictures
    if abs(drift) > _DRIFT_ALLOWED_UM:
        raise Blurred(f"the focus drifted by {drift:+.1f} µm during the scan")
