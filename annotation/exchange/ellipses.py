"""Ellipses: GeoJSON has none, so they are rings of corners; the formats that have them say axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

CORNERS: Final = 128
CLOSE_PX: Final = 0.02  # the viewer keeps hundredths
Ring = list[list[float]]


@dataclass(frozen=True, slots=True)
class Ellipse:
    """Centre and half axes in px; `angle` turns the first axis, in radians from +x towards +y."""

    x: float
    y: float
    rx: float
    ry: float
    angle: float = 0.0

    @property
    def upright(self) -> bool:
        return self.angle == 0

    def ring(self, corners: int = CORNERS) -> Ring:
        """Corners at even steps, the first at the end of the first axis, and that one again."""
        turn, lean = math.cos(self.angle), math.sin(self.angle)
        ring = []
        for number in range(corners):
            step = 2 * math.pi * number / corners
            along, across = self.rx * math.cos(step), self.ry * math.sin(step)
            x, y = self.x + along * turn - across * lean, self.y + along * lean + across * turn
            ring.append([round(x, 6), round(y, 6)])
        return [*ring, list(ring[0])]

    def box(self) -> list[tuple[float, float]]:
        """Two corners of the box round an upright ellipse."""
        return [(self.x - self.rx, self.y - self.ry), (self.x + self.rx, self.y + self.ry)]

    def ends(self) -> Ring:
        """The two ends of the longer axis, then those of the shorter one, as DICOM has it."""
        turn, lean = math.cos(self.angle), math.sin(self.angle)
        first = [[self.x + sign * self.rx * turn, self.y + sign * self.rx * lean] for sign in (1, -1)]
        other = [[self.x - sign * self.ry * lean, self.y + sign * self.ry * turn] for sign in (1, -1)]
        return [*first, *other] if self.rx >= self.ry else [*other, *first]


def in_box(first: Sequence[float], other: Sequence[float]) -> Ellipse:
    (x0, y0), (x1, y1) = first, other
    return Ellipse((x0 + x1) / 2, (y0 + y1) / 2, abs(x1 - x0) / 2, abs(y1 - y0) / 2)


def from_ends(ends: Sequence[Sequence[float]]) -> Ellipse:
    """Of the ends of both axes. Upright where it can be, so that the same ring comes back."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = ends
    major, minor = math.dist((ax, ay), (bx, by)) / 2, math.dist((cx, cy), (dx, dy)) / 2
    x, y = (ax + bx + cx + dx) / 4, (ay + by + cy + dy) / 4
    if ax == bx and cy == dy:
        return Ellipse(x, y, minor, major)
    angle = math.atan2(ay - y, ax - x)
    return Ellipse(x, y, major, minor, 0.0 if abs(angle) < 1e-12 else angle)


def found_in(geometry: Any) -> Ellipse | None:
    """The ellipse that this ring goes round in even steps, either way; None where it is none."""
    rings = geometry["coordinates"]
    if geometry["type"] != "Polygon" or len(rings) != 1 or len(rings[0]) < 9 or len(rings[0]) % 4 != 1:
        return None
    ring = rings[0]
    corners = len(ring) - 1
    first, second, third = (ring[corners // 4 * number] for number in range(3))
    x, y = (first[0] + third[0]) / 2, (first[1] + third[1]) / 2
    along, across = (first[0] - x, first[1] - y), (second[0] - x, second[1] - y)
    rx, ry = math.hypot(*along), math.hypot(*across)
    if not rx or not ry:
        return None
    upright = along[1] == 0 and along[0] > 0
    found = Ellipse(x, y, rx, ry, 0.0 if upright else math.atan2(along[1], along[0]))
    other_way = along[0] * across[1] < along[1] * across[0]
    again = found.ring(corners)[:: -1 if other_way else 1]
    near = all(math.dist(a, b[:2]) < CLOSE_PX for a, b in zip(again, ring, strict=True))
    return found if near else None
