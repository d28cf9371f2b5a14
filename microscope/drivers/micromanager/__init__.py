"""Any microscope that Micro-Manager drives: stage, focus, filter wheels as channel presets, camera, shutter.

Needs the extra [micromanager] (pymmcore) and device adapters of the same device interface. What Micro-Manager
does not know (where the glass lies, which channels to offer, what to photograph beforehand) a TOML file
says: `Rig`. One glass at a time: a person lays it into carousel 1, slot 1.
"""

from microscope.drivers.micromanager.driver import MicroManagerDriver, open_rig
from microscope.drivers.micromanager.rig import Rig, RigInvalid

__all__ = ["MicroManagerDriver", "Rig", "RigInvalid", "open_rig"]
