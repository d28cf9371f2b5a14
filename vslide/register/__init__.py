"""Registration: where fields truly lie, from their overlaps; how channels lie on one another; what beads tell
of the microscope (docs/registration.md).
"""

from vslide.register.beads import Calibration, calibrate
from vslide.register.colour import ChannelOffset, channel_offsets
from vslide.register.mosaic import register
from vslide.register.result import PairResult, Registration

__all__ = [
    "Calibration",
    "ChannelOffset",
    "PairResult",
    "Registration",
    "calibrate",
    "channel_offsets",
    "register",
]
