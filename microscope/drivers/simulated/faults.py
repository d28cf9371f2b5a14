"""Which fault strikes which attempt: by the flaw of a glass, or at a stated rate, always the same for one
seed.
"""

from dataclasses import dataclass

import numpy as np

from microscope import errors
from microscope.drivers.simulated.doubts import DOUBTS
from microscope.errors import ScannerError
from microscope.messages import Glass

Moment = str  # "load", "autofocus", "move", "expose"

TRANSIENT: dict[str, tuple[Moment, type[ScannerError], str]] = {
    "empty_slot": ("load", errors.EmptySlot, "no glass was felt in the slot"),
    "jam": ("load", errors.Jam, "the glass stuck between carousel and stage"),
    "lamp": ("expose", errors.LampFailure, "the lamp went out"),
    "stage_fault": ("move", errors.StageFault, "the stage did not reach its position"),
    "stall": ("expose", errors.Stalled, "the camera stopped answering"),
    "power_cut": ("expose", errors.PowerCut, "the power was gone for a moment"),
    "lost_messages": ("expose", errors.MessagesLost, "messages from the camera were lost"),
    "missing_fields": ("expose", errors.FieldsMissing, "the camera gave no picture"),
}
STRUCK_BY_RATE = (*TRANSIENT, "blurred")
ON_THE_GLASS = ("no_focus_points", "barcode_unreadable", "barcode_mismatch", "saturated")
FLAWS = (*STRUCK_BY_RATE, *ON_THE_GLASS, *DOUBTS)
_SECOND_TIME = 0.1  # how much likelier a first attempt is to fail than the following ones


@dataclass(frozen=True, slots=True)
class Fault:
    """``name`` strikes at the ``countdown``-th call of its moment."""

    name: str
    countdown: int

    @property
    def moment(self) -> Moment:
        return TRANSIENT[self.name][0] if self.name in TRANSIENT else ""

    def error(self) -> ScannerError:
        _, kind, message = TRANSIENT[self.name]
        return kind(message)


def fault_of(seed: int, glass: Glass, attempt: int, rate: float) -> Fault | None:
    """The fault that strikes this attempt, if any. A flaw of the glass strikes the first attempt, chance
    any.
    """
    rng = np.random.default_rng([seed, attempt, *glass.barcode.encode()])
    chance, choice, countdown = rng.random(), int(rng.integers(len(STRUCK_BY_RATE))), int(rng.integers(4, 12))
    name = STRUCK_BY_RATE[choice] if chance < rate * (1.0 if attempt == 1 else _SECOND_TIME) else None
    if glass.flaw in STRUCK_BY_RATE:
        name = glass.flaw if attempt == 1 else None
    if name is None:
        return None
    return Fault(name, 1 if name in TRANSIENT and TRANSIENT[name][0] == "load" else countdown)
