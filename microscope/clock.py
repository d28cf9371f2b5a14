"""Time as the simulated scanner spends it: as long as a real one, a share of it, or none."""

import time
from typing import Protocol


class Clock(Protocol):
    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` of the instrument's time pass."""


class ScaledClock:
    """``scale`` 1 is real time, 0 does not wait at all."""

    def __init__(self, scale: float = 0.0) -> None:
        self._scale = scale

    def sleep(self, seconds: float) -> None:
        if self._scale > 0:
            time.sleep(seconds * self._scale)
