"""Micro-Manager as a driver."""

import logging
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pymmcore
from numpy.typing import NDArray

from microscope.drivers.base import Pixels, Position, SnapshotImages
from microscope.drivers.micromanager.rig import Rig, RigInvalid, read_rig
from microscope.errors import (
    EmptySlot,
    FieldsMissing,
    FocusFailed,
    LampFailure,
    MicroscopeError,
    StageFault,
)
from microscope.focus import sharpness
from microscope.messages import PROTOCOL, ScannerInfo
from microscope.plan import MAX_LAYERS

log = logging.getLogger(__name__)

SOFTWARE = "nocturne-micromanager 1"
ADAPTERS = "MICROMANAGER_PATH"
_MARGIN_UM = 1000.0
_CELL_PX = 16
_FINE = 4
_LABEL = (300, 600, 3)
_SETTLE_MS = 30_000


def open_rig(file: Path) -> "MicroManagerDriver":
    """Raises RigInvalid, OSError."""
    return MicroManagerDriver(read_rig(file), file.parent)


class MicroManagerDriver:
    """One glass under one lens. Raises RigInvalid when the devices cannot be loaded."""

    def __init__(self, rig: Rig, folder: Path = Path()) -> None:
        self._rig = rig
        self._core: Any = pymmcore.CMMCore()
        with _as(RigInvalid, rig.configuration):
            self._load_devices(folder)
            self._group = self._core.getChannelGroup()
            self._xy, self._z = self._core.getXYStageDevice(), self._core.getFocusDevice()
            self._um_per_px = rig.pixel_size_um or self._core.getPixelSizeUm()
            self._width, self._height = self._core.getImageWidth(), self._core.getImageHeight()
            presets = set(self._core.getAvailableConfigs(self._group)) if self._group else set()
        self._check(presets)
        self._info = self._describe()
        self._loaded = False
        self._attempt = 1
        self._factor = 1.0
        self._preset: tuple[int, float] | None = None

    def _load_devices(self, folder: Path) -> None:
        paths = (*self._rig.adapters, *filter(None, os.environ.get(ADAPTERS, "").split(os.pathsep)))
        self._core.setDeviceAdapterSearchPaths([str(path) for path in paths])
        self._core.setTimeoutMs(_SETTLE_MS)
        self._core.loadSystemConfiguration(str(folder / self._rig.configuration))
        for setting in self._rig.settings:
            self._core.setProperty(*setting)
        self._core.waitForSystem()

    def _check(self, presets: Collection[str]) -> None:
        rig = self._rig
        missing = [channel.preset for channel in rig.channels if channel.preset not in presets]
        problems = {
            "no xy stage, focus or camera in the configuration": not (
                self._xy and self._z and self._core.getCameraDevice()
            ),
            "pixel_size_um: neither here nor in the configuration": self._um_per_px <= 0,
            f"channels: no preset {', '.join(missing)} in group {self._group!r}": bool(missing),
            "channels: fluorescence needs some": rig.modality == "fluorescence" and not rig.channels,
            "modality: brightfield needs a colour camera": rig.modality == "brightfield"
            and self._core.getNumberOfComponents() != 4,
            "focus_um: from low to high": not rig.focus_um[0] < rig.focus_um[1],
            "focus_step_um, overview.step_um: must be positive": min(rig.focus_step_um, rig.overview.step_um)
            <= 0,
        }
        for problem, present in problems.items():
            if present:
                raise RigInvalid(problem)

    def _describe(self) -> ScannerInfo:
        rig = self._rig
        return ScannerInfo(
            protocol=PROTOCOL,
            name=rig.name,
            driver="micromanager",
            software=SOFTWARE,
            capabilities=("snapshot", "autofocus", rig.modality, "z-layers", "time", "exposure"),
            carousels=1,
            slots=1,
            field_width=self._width,
            field_height=self._height,
            pixel_size_um=self._um_per_px,
            magnification=rig.magnification,
            objective=rig.objective,
            modalities=(rig.modality,),
            channels=tuple(channel.header() for channel in rig.channels),
            max_layers=MAX_LAYERS,
            glass_width_um=rig.glass_um[0],
            glass_height_um=rig.glass_um[1],
        )

    def describe(self) -> ScannerInfo:
        return self._info

    def load(self, carousel: int, slot: int, *, attempt: int = 1) -> None:
        if (carousel, slot) != (1, 1):
            raise EmptySlot(f"there is no carousel {carousel}, slot {slot}: one glass lies on this stage")
        self._loaded, self._attempt, self._factor = True, attempt, 1.0

    def unload(self) -> None:
        self._loaded = False

    def park(self) -> None:
        self._loaded = False
        for call, values in (("setShutterOpen", (False,)), ("setPosition", (self._z, self._rig.safe_z_um))):
            try:
                getattr(self._core, call)(*values)
            except RuntimeError as error:
                log.warning("parking: %s: %s", call, error)

    def set_exposure(self, factor: float) -> None:
        self._factor = factor

    def snapshot(self) -> SnapshotImages:
        """One small picture after the other, put together. Fluorescence is shown as ink on white paper: so
        people and tissue detection know it. There is no label camera: the label is blank.
        """
        self._need_glass()
        area, step = self._rig.overview, self._rig.overview.step_um
        columns, rows = (max(1, int(np.ceil(side / step))) for side in (area.width_um, area.height_um))
        seen = np.zeros((rows * _CELL_PX, columns * _CELL_PX, 3), np.float32)
        for row in range(rows):
            for column in range(columns) if row % 2 == 0 else reversed(range(columns)):
                middle = (area.x_um + (column + 0.5) * step, area.y_um + (row + 0.5) * step)
                self._look_at(*middle, sum(self._rig.focus_um) / 2)
                small = cv2.resize(
                    self.expose(0).astype(np.float32), (_CELL_PX, _CELL_PX), interpolation=cv2.INTER_AREA
                )
                cell = small if small.ndim == 3 else small[..., None]
                seen[row * _CELL_PX :, column * _CELL_PX :][:_CELL_PX, :_CELL_PX] = cell
        label = np.full(_LABEL, 255, np.uint8)
        return SnapshotImages(self._shown(seen), label, step / _CELL_PX, (area.x_um, area.y_um))

    def _shown(self, seen: NDArray[np.float32]) -> NDArray[np.uint8]:
        if self._rig.modality == "brightfield":
            return seen.astype(np.uint8)
        low, high = (float(level) for level in np.percentile(seen, (1, 99.5)))
        return np.asarray(255 - np.clip((seen - low) / max(1.0, high - low), 0, 1) * 255, np.uint8)

    def autofocus(self, x_um: float, y_um: float) -> float:
        """Search the whole range for the sharpest picture, then finely around it."""
        self._need_glass()
        low, high = self._rig.focus_um
        step = self._rig.focus_step_um / (1 if self._attempt == 1 else 2)
        coarse = np.arange(low, high + step / 2, step)
        scores = self._sweep(x_um, y_um, coarse)
        best = int(np.argmax(scores))
        if scores[best] < self._rig.contrast * max(1e-9, float(np.median(scores))) or scores[best] <= 0:
            raise FocusFailed(f"nothing to focus on at ({x_um:.0f}, {y_um:.0f}) µm")
        if best in (0, len(coarse) - 1):
            raise FocusFailed(f"the focus at ({x_um:.0f}, {y_um:.0f}) µm lies beyond {low:g} to {high:g} µm")
        fine = coarse[best] + np.arange(-_FINE, _FINE + 1) * step / _FINE
        return _peak(fine, self._sweep(x_um, y_um, fine))

    def _sweep(self, x_um: float, y_um: float, heights: NDArray[np.float64]) -> NDArray[np.float64]:
        found = []
        for z_um in heights.tolist():
            self._look_at(x_um, y_um, z_um)
            picture = self.expose(0)
            found.append(sharpness(picture if picture.ndim == 2 else picture.mean(axis=2)))
        return np.array(found)

    def _look_at(self, x_um: float, y_um: float, z_um: float) -> None:
        """Bring a place under the middle of the lens."""
        half_width, half_height = (side * self._um_per_px / 2 for side in (self._width, self._height))
        self.move(x_um - half_width, y_um - half_height, z_um)

    def move(self, x_um: float, y_um: float, z_um: float) -> Position:
        self._need_glass()
        glass, origin = self._rig.glass_um, self._rig.origin_um
        if not (-_MARGIN_UM <= x_um <= glass[0] and -_MARGIN_UM <= y_um <= glass[1]):
            raise StageFault(f"({x_um:.0f}, {y_um:.0f}) µm is off the glass")
        core = self._core
        with _as(StageFault, "the stage"):
            core.setXYPosition(self._xy, x_um + origin[0], y_um + origin[1])
            core.setPosition(self._z, z_um)
            core.waitForDevice(self._xy)
            core.waitForDevice(self._z)
            x, y = core.getXPosition(self._xy) - origin[0], core.getYPosition(self._xy) - origin[1]
            return Position(x, y, core.getPosition(self._z))

    def expose(self, channel: int) -> Pixels:
        self._need_glass()
        self._switch_to(channel)
        with _as(FieldsMissing, "the camera"):
            self._core.snapImage()
            picture: NDArray[Any] = self._core.getImage()
        if self._rig.modality == "brightfield":
            bgra = picture.view(np.uint8).reshape(*picture.shape[:2], 4)
            return np.ascontiguousarray(bgra[..., 2::-1])
        return picture.astype(np.uint16)

    def _switch_to(self, channel: int) -> None:
        if self._preset == (channel, self._factor):
            return
        self._preset = None
        exposure_ms = self._rig.exposure_ms
        with _as(LampFailure, "the filters"):
            if self._rig.modality == "fluorescence":
                chosen = self._rig.channels[channel]
                exposure_ms = chosen.exposure_ms
                self._core.setConfig(self._group, chosen.preset)
                self._core.waitForConfig(self._group, chosen.preset)
            self._core.setExposure(exposure_ms * self._factor)
        self._preset = (channel, self._factor)

    def _need_glass(self) -> None:
        if not self._loaded:
            raise EmptySlot("no glass on the stage")


def _peak(heights: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """Where a parabola through the best score and its neighbours is highest."""
    at = int(np.argmax(scores))
    if not 0 < at < len(scores) - 1:
        return float(heights[at])
    before, best, after = (float(score) for score in scores[at - 1 : at + 2])
    bend = before - 2 * best + after
    shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return float(heights[at] + shift * (heights[1] - heights[0]))


@contextmanager
def _as(kind: type[MicroscopeError], what: str) -> Iterator[None]:
    """Micro-Manager's errors in the instrument's vocabulary."""
    try:
        yield
    except (RuntimeError, ValueError, OSError) as error:
        raise kind(f"{what}: {error}") from error
