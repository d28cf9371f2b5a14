"""What every driver can do. The runner and the server know nothing else about an instrument."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from microscope.messages import Glass, ScannerInfo

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class SnapshotImages:
    """A glass photographed from above: ``macro`` and ``label`` (H, W, 3) uint8 RGB.

    The macro's pixel (column, row) lies at stage µm ``origin_um + (column, row) * um_per_px``.
    """

    macro: NDArray[np.uint8]
    label: NDArray[np.uint8]
    um_per_px: float
    origin_um: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Position:
    """Where the stage says it is, in µm: not quite where it was told to go."""

    x_um: float
    y_um: float
    z_um: float


class Driver(Protocol):
    """One instrument. Called from one thread at a time. Every method may raise a ``ScannerError``."""

    def describe(self) -> ScannerInfo:
        """What the instrument is and can; asks nothing of the hardware and may be called at any time."""

    def load(self, carousel: int, slot: int, *, attempt: int = 1) -> None:
        """Bring a glass (both counted from 1) onto the stage; what lay there goes back first. A higher
        ``attempt`` may be slower and more thorough. Raises EmptySlot, Jam.
        """

    def unload(self) -> None:
        """Put the glass back into its slot. Nothing on the stage is no error."""

    def snapshot(self) -> SnapshotImages:
        """Photograph glass and label."""

    def autofocus(self, x_um: float, y_um: float) -> float:
        """The height of best focus in µm under the middle of the lens at a place. Raises FocusFailed."""

    def move(self, x_um: float, y_um: float, z_um: float) -> Position:
        """Bring a field's top-left corner under the lens; returns the position reached. Raises StageFault."""

    def expose(self, channel: int) -> Pixels:
        """Take one picture where the stage stands: (H, W, 3) uint8 RGB in brightfield (``channel`` is 0),
        else (H, W) uint16 of that one of ``describe().channels``.
        """

    def park(self) -> None:
        """Put everything into its safe place: glass back, lamp out. Never raises a ScannerError."""


@runtime_checkable
class Shutter(Protocol):
    """Drivers with the capability "exposure" can expose for another time than their own."""

    def set_exposure(self, factor: float) -> None:
        """Expose so many times as long as usual, until the glass leaves the stage."""


class Hands(Protocol):
    """Drivers with the capability "hands" can be told what lies in a slot."""

    def place(self, carousel: int, slot: int, glass: Glass | None) -> None:
        """Put a glass into a slot, or empty it."""
