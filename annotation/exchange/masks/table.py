"""What the values of a mask mean: JSON beside it."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from annotation.exchange import carried
from annotation.exchange.masks.drawing import Drawing
from annotation.exchange.model import Document


def colours_of(document: Document, labels: list[str]) -> list[str]:
    """A colour for each value: its layer's, else grey levels from dark to light."""
    of_layer = {layer.uid: layer.colour for layer in document.layers if layer.colour}
    of_label = {shape.label: of_layer[shape.layer] for shape in document.shapes if shape.layer in of_layer}
    return [
        of_label.get(label) or "#" + f"{round(255 * (number + 1) / len(labels)):02x}" * 3
        for number, label in enumerate(labels)
    ]


def table_of(document: Document, drawing: Drawing, labels: list[str], *, instances: bool) -> dict[str, Any]:
    areas = [shape for shape in document.shapes if carried.polygons(shape) and not shape.negative]
    values: list[dict[str, Any]] = [{"value": n, "label": label} for n, label in enumerate(labels, start=1)]
    counts = Counter(shape.label for shape in areas)
    for number, (row, colour) in enumerate(zip(values, colours_of(document, labels), strict=True)):
        row |= {"colour": colour}
        row |= {"id": areas[number].uid} if instances else {"shapes": counts[row["label"]]}
    return {
        "width": drawing.width,
        "height": drawing.height,
        "pixels_of_level_1": drawing.step,
        "um_per_pixel": document.mpp * drawing.step if document.mpp else None,
        "background": 0,
        "of": "shapes" if instances else "labels",
        "values": values,
        "left_out": dict(Counter(s.kind for s in document.shapes if not carried.polygons(s))),
    }


def write_table(table: dict[str, Any], target: Path) -> None:
    target.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
