"""What Micro-Manager does not know of a microscope, and a TOML file says."""

from pathlib import Path

import msgspec

from microscope.errors import MicroscopeError
from microscope.plan import Modality
from vslide.model import Channel


class RigInvalid(MicroscopeError):
    """The rig's description or Micro-Manager's configuration cannot be used; the message says where."""

    code = "rig_invalid"


class RigChannel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A preset of the configuration's channel group, and what the slide's header says of it."""

    preset: str
    name: str
    exposure_ms: float
    colour: str = "#ffffff"
    excitation_nm: float | None = None
    emission_nm: float | None = None
    black_level: int = 0

    def header(self) -> Channel:
        return Channel(
            self.name, self.colour, self.excitation_nm, self.emission_nm, self.exposure_ms, self.black_level
        )


class Overview(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The area of the glass that a snapshot shows: one small picture every ``step_um``."""

    x_um: float
    y_um: float
    width_um: float
    height_um: float
    step_um: float


class Rig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``settings`` are (device, property, value), applied after the configuration. ``origin_um`` is where the
    stage stands when the lens looks at the glass's top-left corner, ``focus_um`` the range to search,
    ``contrast`` how many times sharper than usual the best picture of a search must be.
    """

    configuration: str
    overview: Overview
    focus_um: tuple[float, float]
    focus_step_um: float = 2.0
    contrast: float = 1.5
    adapters: tuple[str, ...] = ()
    settings: tuple[tuple[str, str, str], ...] = ()
    name: str = "micromanager"
    objective: str = ""
    magnification: float = 10.0
    pixel_size_um: float = 0.0
    modality: Modality = "fluorescence"
    exposure_ms: float = 10.0
    channels: tuple[RigChannel, ...] = ()
    glass_um: tuple[float, float] = (76_000.0, 26_000.0)
    origin_um: tuple[float, float] = (0.0, 0.0)
    safe_z_um: float = 0.0


def read_rig(file: Path) -> Rig:
    """Raises RigInvalid, OSError."""
    try:
        return msgspec.toml.decode(file.read_bytes(), type=Rig)
    except msgspec.DecodeError as error:
        raise RigInvalid(f"{file}: {error}") from error
