"""The simulated scanner: real tissue pixels behind simulated glass, optics, stage and faults. Deterministic
by seed.
"""

from microscope.drivers.simulated.driver import SimulatedDriver

__all__ = ["SimulatedDriver"]
