"""A glass on the simulated stage, and what is true of it as long as it lies there."""

from functools import lru_cache

import numpy as np

from microscope.drivers.simulated import faults, optics, stains
from microscope.drivers.simulated.doubts import COVER_SLIP_UM, Doubt, specks_of
from microscope.drivers.simulated.specimen import RealPicture, Specimen, Tissue, view_of
from microscope.errors import ScannerError
from microscope.messages import Glass
from vslide.errors import SlideError

_BRIGHT, _BRIGHTEST = 1.3, 4.0  # the light of a glass that is to be overexposed: stained, and fluorescent
_SHARP_EDGE = 99.0  # of dirt in focus


class OnStage:
    """Places are stage µm."""

    def __init__(self, glass: Glass, pixel_size_um: float, fault: faults.Fault | None, attempt: int) -> None:
        rng = np.random.default_rng([glass.seed, 0x61A])
        doubt = Doubt.of(glass, rng)
        self.glass, self.attempt, self.fault = glass, attempt, fault
        self.specimen = _specimen(glass, pixel_size_um, doubt)
        self.place_um = (rng.uniform(26_000, 60_000), rng.uniform(4_000, 21_000 - self.specimen.height_um))
        self.specks = specks_of(glass, self.specimen.width_um, self.specimen.height_um)
        self.ground = optics.Ground.of(glass.seed, doubt.buckle_um)
        self.rotation = float(rng.uniform(-3e-3, 3e-3))
        self.moments: dict[str, int] = {}
        self.fluorescent = stains.is_fluorescent(glass.stain)
        self.glare = (_BRIGHTEST if self.fluorescent else _BRIGHT) if glass.flaw == "saturated" else 1.0
        self.exposure = 1.0

    @property
    def light(self) -> float:
        """How much of it reaches the camera, times the usual."""
        return self.glare * self.exposure

    def height_um(self, x_um: float, y_um: float) -> float:
        """Where the tissue is sharp."""
        middle = (
            self.place_um[0] + self.specimen.width_um / 2,
            self.place_um[1] + self.specimen.height_um / 2,
        )
        return self.ground.z(x_um - middle[0], y_um - middle[1])

    def found_um(self, x_um: float, y_um: float) -> float:
        """Where a search for focus ends: on the dirt, if there is some, as it has the sharpest edges."""
        return self.height_um(x_um, y_um) + (COVER_SLIP_UM if self._hidden(x_um, y_um) else 0.0)

    def contrast(self, x_um: float, y_um: float, um_per_px: float) -> float:
        """Spread of grey values in a small window around a place."""
        if self._hidden(x_um, y_um):
            return _SHARP_EDGE
        side = 96 * um_per_px
        left, top = x_um - self.place_um[0] - side / 2, y_um - self.place_um[1] - side / 2
        seen = self.specimen.see(view_of(left, top, 96, 96, um_per_px))
        return float(seen.std(axis=(0, 1)).max())

    def tissue_share(self, x_um: float, y_um: float, side_um: float) -> float:
        """How much of a square, given by its middle, tissue covers."""
        left, top = x_um - self.place_um[0] - side_um / 2, y_um - self.place_um[1] - side_um / 2
        return float(self.specimen.cover(view_of(left, top, 32, 32, side_um / 32)).mean())

    def strike(self, moment: str) -> bool:
        """Count this moment; is it now that the fault strikes?"""
        self.moments[moment] = self.moments.get(moment, 0) + 1
        fault = self.fault
        if fault is None or fault.moment != moment:
            return False
        count = self.moments[moment]
        return count >= fault.countdown if fault.name == "missing_fields" else count == fault.countdown

    def _hidden(self, x_um: float, y_um: float) -> bool:
        x, y = x_um - self.place_um[0], y_um - self.place_um[1]
        return any(speck.hides(x, y) for speck in self.specks)


# A whole-slide file takes seconds to open, and a slide is loaded twice: for its snapshot and for its scan.
_real_picture = lru_cache(maxsize=2)(RealPicture)


def _specimen(glass: Glass, pixel_size_um: float, doubt: Doubt) -> Specimen:
    if glass.specimen is None:
        return Tissue(glass.seed, glass.stain, doubt)
    try:
        return _real_picture(glass.specimen, glass.stain, pixel_size_um)
    except (OSError, SlideError) as error:
        raise ScannerError(f"the specimen {glass.specimen} cannot be read: {error}") from error
