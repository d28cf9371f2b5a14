"""How far two readings of a slide agree: labels and areas. Pure; shapely does the geometry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from shapely import make_valid, union_all
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

AREAS = frozenset({"Polygon", "MultiPolygon"})


@dataclass(frozen=True)
class Mark:
    """What one reader drew: a GeoJSON geometry with its label; a negative one is cut out of that label."""

    label: str
    geometry: dict[str, Any]
    negative: bool = False


@dataclass(frozen=True)
class LabelAgreement:
    """One label: how many marks each reader made, and their areas compared; None where neither drew one."""

    label: str
    first: int
    second: int
    iou: float | None
    dice: float | None


@dataclass(frozen=True)
class Compared:
    """`kappa` is Cohen's over the labels: which did each reader find on the slide? None without labels."""

    kappa: float | None
    iou: float | None
    dice: float | None
    labels: tuple[LabelAgreement, ...]


def compare(first: Sequence[Mark], second: Sequence[Mark], vocabulary: Iterable[str] = ()) -> Compared:
    labels = sorted({*vocabulary, *(mark.label for mark in (*first, *second))} - {""})
    unnamed = [""] if any(mark.label == "" for mark in (*first, *second)) else []
    rows, common, either, areas = [], 0.0, 0.0, 0.0
    for label in [*labels, *unnamed]:
        ours, theirs = _of(label, first), _of(label, second)
        one, other = _area(ours), _area(theirs)
        both, areas_of_two = one.intersection(other).area, one.area + other.area
        common, either, areas = common + both, either + areas_of_two - both, areas + areas_of_two
        iou, dice = _ratio(both, areas_of_two - both), _ratio(2 * both, areas_of_two)
        rows.append(LabelAgreement(label, len(ours), len(theirs), iou, dice))
    said = [(row.first > 0, row.second > 0) for row in rows if row.label]
    return Compared(kappa(said), _ratio(common, either), _ratio(2 * common, areas), tuple(rows))


def kappa(said: Sequence[tuple[bool, bool]]) -> float | None:
    """Cohen's kappa of yes and no by two people; 1 where chance alone leaves no room and they agree."""
    if not said:
        return None
    count = len(said)
    observed = sum(one == other for one, other in said) / count
    yes, also = sum(one for one, _ in said) / count, sum(other for _, other in said) / count
    expected = yes * also + (1 - yes) * (1 - also)
    if expected == 1:
        return 1.0
    return (observed - expected) / (1 - expected)


def _of(label: str, marks: Sequence[Mark]) -> list[Mark]:
    return [mark for mark in marks if mark.label == label]


def _area(marks: Sequence[Mark]) -> BaseGeometry:
    """The area that a reader gave a label; points and lines have none."""
    drawn = [mark for mark in marks if mark.geometry["type"] in AREAS]
    cut = union_all([make_valid(shape(mark.geometry)) for mark in drawn if mark.negative])
    return union_all([make_valid(shape(mark.geometry)) for mark in drawn if not mark.negative]).difference(
        cut
    )


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None
