"""What a detector leaves on a slide: thousands of small outlines."""

import random
from math import cos, pi, sin

from annotation.models import Annotation, Assignment

CORNERS = 32


def scatter(reading: Assignment, width: int, height: int, many: int) -> None:
    """Outlines of 32 corners all over the slide, drawn by its reader."""
    dice = random.Random(5)
    Annotation.objects.bulk_create(
        (
            Annotation(
                slide=reading.slide, author=reading.reader.user, assignment=reading, kind="freehand",
                geometry={"type": "Polygon", "coordinates": [_ring(dice, width, height)]},
                label=dice.choice(["tumour", "stroma"]),
            )
            for _ in range(many)
        ),
        batch_size=500,
    )  # fmt: skip


def _ring(dice: random.Random, width: int, height: int) -> list[list[float]]:
    x, y, r = dice.uniform(20, width - 20), dice.uniform(20, height - 20), dice.uniform(3, 9)
    turns = [2 * pi * i / CORNERS for i in range(CORNERS + 1)]
    return [[round(x + r * cos(turn), 2), round(y + r * sin(turn), 2)] for turn in turns]
