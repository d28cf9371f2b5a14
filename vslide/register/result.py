"""What a registration found."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from vslide.model import Field, FieldKey
from vslide.register.solve import Floats

State = Literal["used", "outlier", "no evidence"]


@dataclass(frozen=True, slots=True)
class PairResult:
    """What came of two neighbours `a` and `b` (numbers of fields). `shift_um` (x, y) is the measured way from
    one corner to the other, `residual_um` how far the final positions are from it; both None without
    evidence.
    """

    a: int
    b: int
    state: State
    shift_um: tuple[float, float] | None = None
    residual_um: float | None = None
    correlation: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """True corners of all fields of a slide, in the order of its fields.

    `corners_um` (N, 2) lie in the picture's own axes, turned about the middle of the mosaic from those of the
    stage. `residual_um` (N,) is the root mean square over the pairs of a field, NaN where no pair places it.
    `trend` (2, 2) maps steps of the stage to steps in the picture. `stage_error_um` is the deviation of
    measured steps from the trend along one axis.
    """

    fields: tuple[Field, ...]
    channel: int
    z: int
    corners_um: Floats
    residual_um: Floats
    pairs: tuple[PairResult, ...]
    trend: Floats
    stage_error_um: float

    def corners(self) -> dict[FieldKey, tuple[float, float]]:
        """{key: (x, y) in µm}: what `vslide.build` takes as `registered`."""
        return {f.key: (float(x), float(y)) for f, (x, y) in zip(self.fields, self.corners_um, strict=True)}

    @property
    def rotation_deg(self) -> float:
        """The angle at which the stage's axes lie in the picture, clockwise on the screen (y points down)."""
        return math.degrees(sum(axis_angles(self.trend)) / 2)

    @property
    def shear_deg(self) -> float:
        """By how much the angle between the stage's axes exceeds 90° in the picture."""
        across, down = axis_angles(self.trend)
        return math.degrees(down - across)

    @property
    def moved_um(self) -> Floats:
        """(N,): how far each corner lies from where the stage has it."""
        stage = np.array([(field.x_um, field.y_um) for field in self.fields])
        return np.asarray(np.linalg.norm(self.corners_um - stage, axis=1))

    def count(self, state: State) -> int:
        """Pairs that ended in this state."""
        return sum(pair.state == state for pair in self.pairs)

    def summary(self) -> dict[str, Any]:
        """A JSON-able account: the whole, each field and each pair. Lengths in µm, angles in degrees."""
        residuals = [pair.residual_um for pair in self.pairs if pair.state == "used"]
        return {
            "channel": self.channel,
            "z": self.z,
            "fields": len(self.fields),
            "placed_by_stage": int(np.isnan(self.residual_um).sum()),
            "pairs": {state: self.count(state) for state in get_args(State)},
            "residual_rms_um": _root_mean_square(residuals),
            "stage_error_um": self.stage_error_um,
            "rotation_deg": self.rotation_deg,
            "shear_deg": self.shear_deg,
            "field_results": self._field_rows(),
            "pair_results": [asdict(pair) for pair in self.pairs],
        }

    def _field_rows(self) -> list[dict[str, Any]]:
        columns = self.corners_um, self.moved_um, self.residual_um
        rows = zip(self.fields, *(column.tolist() for column in columns), strict=True)
        return [
            asdict(field.key)
            | {"x_um": x, "y_um": y, "moved_um": moved}
            | {"residual_um": None if math.isnan(residual) else residual}
            for field, (x, y), moved, residual in rows
        ]


def _root_mean_square(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.sqrt(sum(value * value for value in known) / len(known)) if known else None


def axis_angles(trend: Floats) -> tuple[float, float]:
    """Angles (rad) by which the x and the y axis of the stage are turned in the picture."""
    return math.atan2(trend[1, 0], trend[0, 0]), math.atan2(-trend[0, 1], trend[1, 1])
