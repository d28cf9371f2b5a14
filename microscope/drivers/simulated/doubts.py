"""What may be wrong with a glass so that its focus is doubtful: faint or torn tissue, much white, dirt, ink,
a buckled section. How bad it is follows from the glass's seed: some of these glasses scan well all the same.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from microscope.messages import Glass

DOUBTS = ("faint", "sparse", "torn", "small", "dirty", "marked", "buckled", "no_tissue")
COVER_SLIP_UM = 170.0  # dirt and ink lie this far above the tissue
_AROUND_UM = 1500.0  # how far from the tissue's edge dirt is strewn

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Speck:
    """A round spot on the cover slip, in specimen µm."""

    x_um: float
    y_um: float
    radius_um: float
    colour: Colour

    def hides(self, x_um: float, y_um: float) -> bool:
        return (x_um - self.x_um) ** 2 + (y_um - self.y_um) ** 2 < self.radius_um**2


@dataclass(frozen=True, slots=True)
class Doubt:
    """``strength`` of the stain; ``white`` is how much of the tissue is holes, ``torn`` how wide it gapes
    (both 0 to 1); ``buckle_um`` how high the section lies in waves.
    """

    strength: float
    small: bool = False
    white: float = 0.0
    torn: float = 0.0
    buckle_um: float = 0.0
    empty: bool = False

    @classmethod
    def of(cls, glass: Glass, rng: np.random.Generator) -> "Doubt":
        """A few glasses of a batch are doubtful without being flawed: fainter stain, or little tissue."""
        kind = rng.random()
        if glass.flaw == "no_focus_points" or glass.specimen is not None:
            return cls(0.09)
        usual = _faint(kind) if kind < 0.06 else float(rng.uniform(0.8, 1.15))
        bad = float(np.random.default_rng([glass.seed, 0xD0B]).random())
        match glass.flaw:
            case "faint":
                return cls(0.06 + 0.34 * bad)
            case "sparse":
                return cls(usual, white=0.4 + 0.6 * bad)
            case "torn":
                return cls(usual, torn=0.3 + 0.7 * bad)
            case "buckled":
                return cls(usual, buckle_um=1.0 + 11.0 * bad)
            case "no_tissue":
                return cls(usual, empty=True)
        return cls(usual, small=glass.flaw == "small" or 0.06 <= kind < 0.1)


def _faint(kind: float) -> float:
    """Half of the faint glasses are only pale; on the others a first search finds hardly any focus."""
    return 0.13 if kind < 0.03 else 0.3


def specks_of(glass: Glass, width_um: float, height_um: float) -> tuple[Speck, ...]:
    """Dirt anywhere about the tissue, or a loop of felt pen around it."""
    rng = np.random.default_rng([glass.seed, 0xD1F])
    if glass.flaw == "dirty":
        return tuple(_dirt(rng, width_um, height_um) for _ in range(int(rng.integers(8, 70))))
    return tuple(_loop(rng, width_um, height_um)) if glass.flaw == "marked" else ()


def _dirt(rng: np.random.Generator, width_um: float, height_um: float) -> Speck:
    x = rng.uniform(-_AROUND_UM, width_um + _AROUND_UM)
    y = rng.uniform(-_AROUND_UM, height_um + _AROUND_UM)
    grey = int(rng.integers(60, 150))
    return Speck(float(x), float(y), float(rng.uniform(40, 220)), (grey, grey - 10, grey - 20))


def _loop(rng: np.random.Generator, width_um: float, height_um: float) -> list[Speck]:
    colour: Colour = [(20, 60, 160), (20, 130, 60), (30, 30, 35)][int(rng.integers(3))]
    angles: NDArray[np.float64] = np.linspace(0, 2 * np.pi, 120)
    wide, tall = (side / 2 * float(rng.uniform(0.8, 1.3)) for side in (width_um, height_um))
    across, down = width_um / 2 + wide * np.cos(angles), height_um / 2 + tall * np.sin(angles)
    return [Speck(x, y, 190.0, colour) for x, y in zip(across.tolist(), down.tolist(), strict=True)]
