"""The simulated scanner as a driver."""

from pathlib import Path

from microscope.clock import Clock
from microscope.drivers.base import Pixels, Position, SnapshotImages
from microscope.drivers.simulated import faults, optics, photograph, stains
from microscope.drivers.simulated.carousels import CAROUSELS, SLOTS, Carousels
from microscope.drivers.simulated.specimen import view_of
from microscope.drivers.simulated.stage import OnStage
from microscope.errors import EmptySlot, FocusFailed, JobRefused, StageFault
from microscope.messages import PROTOCOL, Glass, ScannerInfo

SOFTWARE = "nocturne-simulated 1"
_JITTER_UM = 0.6
_DRIFT_UM = 14.0  # how far the focus is off once it has drifted away
_CONTRAST_NEEDED = 9.0
_CHANNEL_OFFSETS_UM = ((0.0, 0.0), (1.4, -0.8), (-2.1, 1.2), (0.7, 2.4))
_SECONDS = {"load": 6.0, "snapshot": 4.0, "autofocus": 0.4, "move": 0.08, "expose": 0.03}
_STALL_SECONDS = 60.0


class SimulatedDriver:
    """40 carousels of 10 slots, a 10× lens at 1 µm per px, fields of 512 × 512 px, brightfield and four
    fluorescence colours.

    ``seed`` fixes the faults, a glass's own seed its specimen. ``failure_rate`` is the share of first
    attempts that a fault strikes. Contents live in ``state_dir`` and outlive the process.
    """

    def __init__(
        self,
        seed: int,
        clock: Clock,
        state_dir: Path,
        *,
        field_width: int = 512,
        field_height: int = 512,
        pixel_size_um: float = 1.0,
        failure_rate: float = 0.02,
        name: str = "simulated",
    ) -> None:
        self._seed, self._clock, self._rate, self._name = seed, clock, failure_rate, name
        self._width, self._height, self._um_per_px = field_width, field_height, pixel_size_um
        self._carousels = Carousels(state_dir)
        self._stage: OnStage | None = None
        self._target = Position(0.0, 0.0, 0.0)

    def describe(self) -> ScannerInfo:
        return ScannerInfo(
            protocol=PROTOCOL,
            name=self._name,
            driver="simulated",
            software=SOFTWARE,
            capabilities=(
                "snapshot",
                "autofocus",
                "brightfield",
                "fluorescence",
                "z-layers",
                "time",
                "exposure",
                "hands",
            ),
            carousels=CAROUSELS,
            slots=SLOTS,
            field_width=self._width,
            field_height=self._height,
            pixel_size_um=self._um_per_px,
            magnification=10.0,
            objective="Plan Apo 10x/0.45 (simulated)",
            modalities=("brightfield", "fluorescence"),
            channels=stains.FLUORESCENCE,
            max_layers=25,
            glass_width_um=photograph.GLASS_UM[0],
            glass_height_um=photograph.GLASS_UM[1],
        )

    def place(self, carousel: int, slot: int, glass: Glass | None) -> None:
        if glass is not None and glass.flaw is not None and glass.flaw not in faults.FLAWS:
            raise JobRefused(f"no flaw {glass.flaw!r}: there are {', '.join(faults.FLAWS)}")
        self._carousels.put(carousel, slot, glass)

    def load(self, carousel: int, slot: int, *, attempt: int = 1) -> None:
        self.unload()
        self._clock.sleep(_SECONDS["load"])
        glass = self._carousels.look(carousel, slot)
        fault = faults.fault_of(self._seed, glass, attempt, self._rate)
        stage = OnStage(glass, self._um_per_px, fault, attempt)
        if fault is not None and stage.strike("load"):
            raise fault.error()
        self._stage = stage

    def unload(self) -> None:
        if self._stage is not None:
            self._clock.sleep(_SECONDS["load"])
        self._stage = None

    def park(self) -> None:
        self._stage = None
        self._target = Position(0.0, 0.0, 0.0)

    def snapshot(self) -> SnapshotImages:
        stage = self._loaded()
        self._clock.sleep(_SECONDS["snapshot"])
        return SnapshotImages(
            photograph.macro(stage.glass, stage.specimen, stage.place_um, stage.specks),
            photograph.label(stage.glass),
            photograph.MACRO_UM_PER_PX,
            photograph.MACRO_ORIGIN_UM,
        )

    def autofocus(self, x_um: float, y_um: float) -> float:
        stage = self._loaded()
        self._clock.sleep(_SECONDS["autofocus"])
        if stage.strike("autofocus") and stage.fault is not None:
            raise stage.fault.error()
        # A repeated attempt sweeps slowly, in fine steps, and makes do with less contrast.
        needed = _CONTRAST_NEEDED if stage.attempt == 1 else _CONTRAST_NEEDED / 3
        if stage.contrast(x_um, y_um, self._um_per_px) < needed:
            raise FocusFailed(f"nothing to focus on at ({x_um:.0f}, {y_um:.0f}) µm")
        miss, _ = optics.wander(stage.glass.seed + 1, x_um, y_um, sigma_um=0.2)
        return stage.found_um(x_um, y_um) + self._drift(stage) + miss

    def move(self, x_um: float, y_um: float, z_um: float) -> Position:
        stage = self._loaded()
        self._clock.sleep(_SECONDS["move"])
        if stage.strike("move") and stage.fault is not None:
            raise stage.fault.error()
        if not (-1000 <= x_um <= photograph.GLASS_UM[0] and -1000 <= y_um <= photograph.GLASS_UM[1]):
            raise StageFault(f"({x_um:.0f}, {y_um:.0f}) µm is off the stage")
        self._target = Position(x_um, y_um, z_um)
        away = optics.wander(stage.glass.seed + 2, x_um, y_um, sigma_um=_JITTER_UM / 2)
        return Position(x_um + away[0], y_um + away[1], z_um)

    def set_exposure(self, factor: float) -> None:
        self._loaded().exposure = factor

    def expose(self, channel: int) -> Pixels:
        stage = self._loaded()
        self._clock.sleep(_SECONDS["expose"])
        if stage.strike("expose") and stage.fault is not None:
            if stage.fault.name == "stall":
                self._clock.sleep(_STALL_SECONDS)
            raise stage.fault.error()
        return self._fluorescence(stage, channel) if stage.fluorescent else self._brightfield(stage)

    @property
    def truth(self) -> OnStage:
        """The glass on the stage as it really is, for those who check what was made of it."""
        return self._loaded()

    def _brightfield(self, stage: OnStage) -> Pixels:
        x, y = self._true_place(stage)
        view = view_of(x, y, self._width, self._height, self._um_per_px, rotation=stage.rotation)
        sharp = stage.specimen.see(view)
        blurred = optics.defocus(sharp, self._off_focus(stage))
        return optics.develop_brightfield(blurred, self._grain(stage, 0), stage.light)

    def _fluorescence(self, stage: OnStage, channel: int) -> Pixels:
        x, y = self._true_place(stage)
        offset_x, offset_y = _CHANNEL_OFFSETS_UM[channel]
        view = view_of(
            x + offset_x, y + offset_y, self._width, self._height, self._um_per_px, rotation=stage.rotation
        )
        sharp = stage.specimen.see_channel(view, channel)
        blurred = optics.defocus(sharp, self._off_focus(stage))
        black = stains.FLUORESCENCE[channel].black_level
        return optics.develop_fluorescence(blurred, self._grain(stage, channel), black, stage.light)

    def _true_place(self, stage: OnStage) -> tuple[float, float]:
        """Where the lens really looks, in specimen µm: the stage's report is wrong by part of the jitter."""
        x, y = self._target.x_um, self._target.y_um
        away = optics.wander(stage.glass.seed + 3, x, y, sigma_um=_JITTER_UM)
        return x + away[0] - stage.place_um[0], y + away[1] - stage.place_um[1]

    def _off_focus(self, stage: OnStage) -> float:
        middle_x = self._target.x_um + self._width * self._um_per_px / 2
        middle_y = self._target.y_um + self._height * self._um_per_px / 2
        return self._target.z_um - stage.height_um(middle_x, middle_y) - self._drift(stage)

    def _drift(self, stage: OnStage) -> float:
        """The focus drifts away after the first pictures of a slide that is to come out blurred."""
        fault = stage.fault
        drifting = (
            fault is not None
            and fault.name == "blurred"
            and stage.moments.get("expose", 0) >= fault.countdown
        )
        return _DRIFT_UM if drifting else 0.0

    def _grain(self, stage: OnStage, channel: int) -> int:
        place = (
            round(self._target.x_um * 7) * 8191
            + round(self._target.y_um * 7) * 127
            + round(self._target.z_um * 11)
        )
        return abs(place + channel * 104_729 + stage.glass.seed * 7919)

    def _loaded(self) -> OnStage:
        if self._stage is None:
            raise EmptySlot("no glass on the stage")
        return self._stage
