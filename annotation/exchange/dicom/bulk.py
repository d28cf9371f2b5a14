"""Microscopy Bulk Simple Annotations: groups of annotations of one kind and one label."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from annotation.exchange import jsons, told
from annotation.exchange.colours import from_dicom, to_dicom
from annotation.exchange.dicom import header, leaves
from annotation.exchange.dicom.leaves import Leaf
from annotation.exchange.errors import NotReadable, TooLarge, UnsupportedFormat
from annotation.exchange.model import Document, Image, Layer, Shape, all_layers

STORAGE: Final = "1.2.840.10008.5.1.4.1.1.91.1"
CATEGORY: Final = ("309825002", "SCT", "Spatial and Relational Concept")
MOST: Final = 1_000_000
# Of a group these are the annotations themselves; all else is kept as it came.
WITHIN: Final = (
    "AnnotationGroupNumber", "NumberOfAnnotations", "GraphicType", "PointCoordinatesData",
    "DoublePointCoordinatesData", "LongPrimitivePointIndexList", "MeasurementsSequence",
)  # fmt: skip
Measured = list[dict[str, Any]]


def read(data: Dataset) -> Document:
    if data.get("AnnotationCoordinateType") != "2D":
        raise UnsupportedFormat(
            "These annotations lie in the frame of reference (3D); only the pixel matrix (2D) is read."
        )
    ours = jsons.load((header.told_in(data) or "{}").encode())
    facts = ours.get("annotations") if isinstance(ours, dict) else None
    found: list[tuple[Shape, told.Facts]] = []
    layers: list[Layer] = list(told.layers(ours["layers"])) if facts is not None else []
    for number, group in enumerate(data.get("AnnotationGroupSequence") or (), start=1):
        layer = _layer(group, number)
        drawn = list(_shapes(group, layer, f"Group {number}"))
        beside = _facts_of(facts, number, len(drawn))
        found += zip(drawn, beside, strict=True)
        if not all("n" in one for one in beside):
            layers.append(layer)
    shapes = leaves.assembled(found, "Group")
    extra = jsons.member(ours, "extra") if facts is not None else {"dicom": {"image": header.referred(data)}}
    return Document(tuple(shapes), tuple(layers), jsons.positive(jsons.value(ours, "mpp")), extra)


def _facts_of(facts: Any, number: int, count: int) -> list[told.Facts]:
    """What we told beside the annotations of a group; nothing where another program has changed the group."""
    row = facts[number - 1] if isinstance(facts, list) and len(facts) >= number else None
    if not isinstance(row, list) or len(row) != count or not all(isinstance(one, dict) for one in row):
        return [{}] * count
    return row


def _layer(group: Dataset, number: int) -> Layer:
    name = str(group.get("AnnotationGroupLabel", "") or f"Group {number}")
    rest = Dataset({element.tag: element for element in group if element.keyword not in WITHIN})
    colour = from_dicom(group.get("RecommendedDisplayCIELabValue"))
    uid = str(group.get("AnnotationGroupUID", "") or number)
    return Layer(uid, name, colour, {"dicom": {"group": rest.to_json_dict()}})


def _shapes(group: Dataset, layer: Layer, where: str) -> Iterator[Shape]:
    graphic = str(group.get("GraphicType", ""))
    if graphic not in leaves.KIND_OF:
        raise NotReadable(f"{where}: a {graphic[:32]} is not an annotation.")
    count = int(group.NumberOfAnnotations)
    if count > MOST:
        raise TooLarge(f"{where} holds {count:,} annotations; at most {MOST:,} are read.")
    parts = _parts(group, graphic, count, where)
    measured = _measured(group, count, where)
    for number, points in enumerate(parts):
        extra = {"dicom": {"measurements": measured[number]}} if measured[number] else {}
        yield leaves.plain(graphic, points.tolist(), where, label=layer.name, layer=layer.uid, extra=extra)


def _parts(group: Dataset, graphic: str, count: int, where: str) -> list[NDArray[np.float64]]:
    flat = _numbers(group, "DoublePointCoordinatesData", "<f8")
    if flat is None:
        flat = _numbers(group, "PointCoordinatesData", "<f4")
    if flat is None or len(flat) % 2 or not np.isfinite(flat).all():
        raise NotReadable(f"{where} has no coordinates, or some that are not numbers.")
    points = flat.astype(np.float64).reshape(-1, 2)
    if graphic in {"POLYLINE", "POLYGON"}:
        starts = _numbers(group, "LongPrimitivePointIndexList", "<u4")
        if starts is None:
            raise NotReadable(f"{where} does not say where its annotations begin.")
        begins = (starts.astype(np.int64) - 1) // 2
        whole = len(begins) == count and count > 0 and begins[0] == 0 and np.all(starts % 2 == 1)
        if not whole or np.any(np.diff(begins) <= 0) or begins[-1] >= len(points):
            raise NotReadable(f"{where}: the places where its annotations begin are not in order.")
        return np.split(points, begins[1:])
    size = {"POINT": 1}.get(graphic, 4)
    if len(points) != count * size:
        raise NotReadable(f"{where} says {count} annotations and has coordinates of {len(points) / size:g}.")
    return list(points.reshape(count, size, 2))


def _numbers(group: Dataset, keyword: str, form: str) -> NDArray[Any] | None:
    value = group.get(keyword)
    if not isinstance(value, bytes):
        return None
    if len(value) % np.dtype(form).itemsize:
        raise NotReadable(f"{keyword} is cut off.")
    return np.frombuffer(value, form)


def _measured(group: Dataset, count: int, where: str) -> list[Measured]:
    found: list[Measured] = [[] for _ in range(count)]
    for item in group.get("MeasurementsSequence") or ():
        name, unit = (
            header.code_of(item, "ConceptNameCodeSequence"),
            header.code_of(item, "MeasurementUnitsCodeSequence"),
        )
        values = item.MeasurementValuesSequence[0]
        numbers = _numbers(values, "FloatingPointValues", "<f4")
        index = _numbers(values, "AnnotationIndexList", "<u4")
        at = np.arange(1, count + 1) if index is None else index
        if numbers is None or len(numbers) != len(at) or np.any((at < 1) | (at > count)):
            raise NotReadable(f"{where}: a measurement does not fit its annotations.")
        for number, value in zip(at.tolist(), numbers.tolist(), strict=True):
            if np.isfinite(value):
                found[number - 1].append(
                    {"name": list(name or ("",) * 3), "unit": list(unit or ("",) * 3), "value": value}
                )
    return found


def write(document: Document, image: Image) -> bytes:
    groups: dict[tuple[str, ...], list[Leaf]] = defaultdict(list)
    for leaf in leaves.leaves(document):
        groups[leaf.shape.layer, leaf.shape.label, leaf.graphic, leaf.role].append(leaf)
    extra = dict(document.extra)
    beside = {
        "annotations": [[leaf.facts for leaf in found] for found in groups.values()],
        "layers": told.of_layers(document.layers),
        "mpp": document.mpp,
        "extra": extra,
    }
    text = json.dumps(beside, separators=(",", ":"))
    points = b"".join(_bytes(found)[0] for found in groups.values())
    made = header.started(STORAGE, "ANN", image, text.encode() + points)
    made.ContentLabel, made.ContentDescription, made.ContentCreatorName = "NOCTURNE", "", ""
    made.AnnotationCoordinateType, made.PixelOriginInterpretation = "2D", "VOLUME"
    series = Dataset()
    series.SeriesInstanceUID = image.series
    series.ReferencedInstanceSequence = Items([header.reference(image)])
    made.ReferencedSeriesSequence = Items([series])
    made.ReferencedImageSequence = Items([header.reference(image)])
    known = {layer.uid: layer for layer in all_layers(document)}
    drawn = [
        _group(number, known[key[0]], found, made.SOPInstanceUID)
        for number, (key, found) in enumerate(groups.items(), start=1)
    ]
    for number, group in enumerate(drawn):  # a layer of outlines and points is two groups here
        if group.AnnotationGroupUID in {other.AnnotationGroupUID for other in drawn[:number]}:
            group.AnnotationGroupUID = header.uid(made.SOPInstanceUID, str(number + 1))
    made.AnnotationGroupSequence = Items(drawn)
    header.tell(made, text)
    return header.saved(made)


def _group(number: int, layer: Layer, found: Sequence[Leaf], instance: str) -> Dataset:
    """Of a group that came from DICOM what it said; else words for its label."""
    label, role = found[0].shape.label, found[0].role
    kept = jsons.member(jsons.member(layer.extra, "dicom"), "group")
    made = Dataset.from_json(kept) if kept and not role and label == layer.name else Dataset()
    if not kept or role or label != layer.name:
        made.AnnotationGroupUID = header.uid(instance, str(number))
        made.AnnotationGroupLabel = header.words(label, role)
        made.AnnotationGroupGenerationType = "MANUAL"
        made.AnnotationPropertyCategoryCodeSequence = Items([header.coded(CATEGORY)])
        made.AnnotationPropertyTypeCodeSequence = Items([header.coded(header.label_code(label + role))])
        made.AnnotationAppliesToAllOpticalPaths, made.AnnotationAppliesToAllZPlanes = "YES", "YES"
        if layer.colour:
            made.RecommendedDisplayCIELabValue = to_dicom(layer.colour)
    made.AnnotationGroupNumber, made.NumberOfAnnotations = number, len(found)
    made.GraphicType = found[0].graphic
    made.DoublePointCoordinatesData, starts = _bytes(found)
    if found[0].graphic in {"POLYLINE", "POLYGON"}:
        made.LongPrimitivePointIndexList = starts
    measured = [jsons.member(leaf.shape.extra, "dicom").get("measurements") or [] for leaf in found]
    if not role and any(measured):
        made.MeasurementsSequence = Items(_measurements(measured))
    return made


def _bytes(found: Sequence[Leaf]) -> tuple[bytes, bytes]:
    """(coordinates, where each annotation begins among their numbers, from 1)."""
    flat = np.array([number for leaf in found for at in leaf.points for number in at], "<f8")
    sizes = np.array([2 * len(leaf.points) for leaf in found[:-1]], "<u4")
    return flat.tobytes(), (np.concatenate([[0], np.cumsum(sizes)]) + 1).astype("<u4").tobytes()


def _measurements(measured: Sequence[Measured]) -> Iterator[Dataset]:
    columns: dict[tuple[header.Code, header.Code], list[tuple[int, float]]] = defaultdict(list)
    for number, row in enumerate(measured, start=1):
        for one in row:
            name, unit, value = header.kept_measurement(one)
            columns[name, unit].append((number, value))
    for (name, unit), values in columns.items():
        item, inner = Dataset(), Dataset()
        item.ConceptNameCodeSequence = Items([header.coded(name)])
        item.MeasurementUnitsCodeSequence = Items([header.coded(unit)])
        inner.FloatingPointValues = np.array([value for _, value in values], "<f4").tobytes()
        if len(values) < len(measured):
            inner.AnnotationIndexList = np.array([number for number, _ in values], "<u4").tobytes()
        item.MeasurementValuesSequence = Items([inner])
        yield item
