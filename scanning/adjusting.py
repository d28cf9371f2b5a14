"""What another try of a scan does unlike the one before: more focus points, a larger area, less exposure.

Adjustments are JSON, in stage µm: `{"because": [codes], "points": [[x, y], …], "area": [x, y, width, height],
"exposure": factor}`; what is not named stays as it was.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from lims.states import FailureReason
from microscope.focus import choose_points, find_tissue, scan_area
from scanning.models import Attempt, FocusPoint, Snapshot
from scanning.verdicts import HEALED_BY_RESCAN, Finding
from vslide.quality import Tissue

DENSER = 2
MOST_POINTS = 32
SHORTER = 0.6
LEAST_EXPOSURE = 0.05
APART_UM = 75.0


def tissue_of(snapshot: Snapshot | None) -> Tissue | None:
    """Where the photograph shows tissue; None where the photograph is gone."""
    if snapshot is None or not snapshot.macro_file.is_file():
        return None
    picture = cv2.imread(str(snapshot.macro_file), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        return None
    origin = snapshot.origin_x_um, snapshot.origin_y_um
    return Tissue(find_tissue(np.asarray(picture, np.uint8)), snapshot.um_per_px, origin)


def can_heal(attempt: Attempt, snapshot: Snapshot | None, tissue: Tissue | None) -> set[str]:
    """What another try may heal here: not every scanner can expose for less, and an area that a person has
    drawn stays as it was drawn.
    """
    healed = {str(code) for code in HEALED_BY_RESCAN}
    if _exposure(attempt) is None:
        healed.discard(FailureReason.SATURATED)
    if snapshot is None or tissue is None or drawn_by_hand(snapshot):
        healed.discard(FailureReason.TISSUE_OUTSIDE)
    return healed


def drawn_by_hand(snapshot: Snapshot) -> bool:
    """Whether a person has saved points and area: then what lies outside was left out on purpose."""
    return snapshot.version > 1


def adjustments(
    found: Sequence[Finding], attempt: Attempt, snapshot: Snapshot | None, tissue: Tissue | None
) -> dict[str, Any]:
    """For the next try of `attempt`, on top of what this one did otherwise than the plan."""
    codes = [one.code for one in found if one.code in HEALED_BY_RESCAN]
    made: dict[str, Any] = {**attempt.adjustments, "because": codes}
    if FailureReason.BLURRED in codes and snapshot is not None and tissue is not None:
        made["points"] = _denser(snapshot, tissue)
    if FailureReason.TISSUE_OUTSIDE in codes and snapshot is not None and tissue is not None:
        made["area"] = _wider(snapshot, tissue)
    exposure = _exposure(attempt)
    if FailureReason.SATURATED in codes and exposure is not None:
        made["exposure"] = round(max(LEAST_EXPOSURE, exposure * SHORTER), 3)
    return made


def _exposure(attempt: Attempt) -> float | None:
    """Times the scanner's own, as this attempt was exposed; None where the scanner cannot be told."""
    value = attempt.parameters.get("exposure")
    return float(value) if value is not None else None


def _denser(snapshot: Snapshot, tissue: Tissue) -> list[list[float]]:
    """So many more places all over the tissue, beside those that a person has put."""
    by_hand = snapshot.points.filter(source=FocusPoint.Source.PERSON)
    kept = [[point.x_um, point.y_um] for point in by_hand]
    wanted = min(MOST_POINTS, DENSER * max(8, snapshot.points.count()))
    found = choose_points(
        tissue.mask, wanted, um_per_px=tissue.um_per_px, origin=tissue.origin_um, apart_um=APART_UM
    )
    return kept + [[point.x_um, point.y_um] for point in found]


def _wider(snapshot: Snapshot, tissue: Tissue) -> list[float]:
    """The area so far and all of the tissue, on the picture."""
    whole = scan_area(tissue.mask, tissue.um_per_px, tissue.origin_um)
    left = min(snapshot.area_x_um, whole.x_um)
    top = min(snapshot.area_y_um, whole.y_um)
    right = max(snapshot.area_x_um + snapshot.area_width_um, whole.x_um + whole.width_um)
    bottom = max(snapshot.area_y_um + snapshot.area_height_um, whole.y_um + whole.height_um)
    left, top = max(left, tissue.origin_um[0]), max(top, tissue.origin_um[1])
    tall, wide = (side * tissue.um_per_px for side in tissue.mask.shape)
    return [
        left,
        top,
        min(right, tissue.origin_um[0] + wide) - left,
        min(bottom, tissue.origin_um[1] + tall) - top,
    ]
