"""Which of a set of rings are outlines, and which are holes in them."""

from collections.abc import Sequence
from itertools import pairwise

Ring = list[list[float]]


def nested(rings: Sequence[Ring]) -> list[list[Ring]]:
    """Polygons, each an outline with its holes: what lies within an odd number of rings is inside."""
    around = [
        [number for number, other in enumerate(rings) if other is not ring and _inside(ring[0], other)]
        for ring in rings
    ]
    polygons = {number: [ring] for number, ring in enumerate(rings) if len(around[number]) % 2 == 0}
    for number, ring in enumerate(rings):
        if number not in polygons:
            # The innermost of the outlines round it has the most rings round itself.
            outline = max(
                (one for one in around[number] if one in polygons),
                key=lambda one: len(around[one]),
                default=None,
            )
            if outline is None:
                polygons[number] = [ring]
            else:
                polygons[outline].append(ring)
    return [polygons[number] for number in sorted(polygons)]


def _inside(point: Sequence[float], ring: Ring) -> bool:
    x, y = point[0], point[1]
    inside = False
    for (x0, y0, *_), (x1, y1, *_) in pairwise(ring):
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            inside = not inside
    return inside
