"""Planar regions in a structured report: TID 1500 with one TID 1410 for each annotation."""

import json
import uuid
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from annotation.exchange import jsons, told
from annotation.exchange.dicom import header, leaves
from annotation.exchange.dicom.header import Code, coded
from annotation.exchange.dicom.leaves import Leaf
from annotation.exchange.ellipses import Ellipse
from annotation.exchange.errors import NotReadable, TooLarge, UnsupportedFormat
from annotation.exchange.model import Document, Image, Layer, Shape

STORAGE: Final = "1.2.840.10008.5.1.4.1.1.88.34"  # Comprehensive 3D SR
STORAGES: Final = frozenset({STORAGE, "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.88.22"})
DEEPEST: Final = 16
MOST: Final = 100_000
GROUP: Final = ("125007", "DCM", "Measurement Group")
REGION: Final = ("111030", "DCM", "Image Region")
FINDING: Final = ("121071", "DCM", "Finding")
TRACKING: Final = ("112039", "DCM", "Tracking Identifier")
TRACKING_UID: Final = ("112040", "DCM", "Tracking Unique Identifier")
COMMENT: Final = ("121106", "DCM", "Comment")
GRAPHICS: Final = {"POINT": "POINT", "POLYLINE": "POLYLINE", "POLYGON": "POLYLINE", "ELLIPSE": "ELLIPSE"}


def read(data: Dataset) -> Document:
    ours = jsons.load((header.told_in(data) or "{}").encode())
    facts = jsons.member(ours, "annotations")
    found: list[tuple[Shape, told.Facts]] = []
    for number, group in enumerate(_groups(data, 0), start=1):
        for shape in _shapes(group, f"Measurement group {number}"):
            found.append((shape, jsons.member(facts, shape.uid)))
            if len(found) > MOST:
                raise TooLarge(f"This report holds more than {MOST:,} annotations.")
    shapes = leaves.assembled(found, "Measurement group")
    labels = dict.fromkeys(shape.layer for shape, beside in found if "n" not in beside)
    layers = (*(told.layers(ours["layers"]) if facts else ()), *(Layer(label, label) for label in labels))
    extra = jsons.member(ours, "extra") if facts else {"dicom": {"image": _referred(data)}}
    return Document(tuple(shapes), layers, jsons.positive(jsons.value(ours, "mpp")), extra)


def _referred(data: Dataset) -> dict[str, str]:
    found = header.referred(data)
    for study in data.get("CurrentRequestedProcedureEvidenceSequence") or ():
        for series in study.get("ReferencedSeriesSequence") or ():
            found["study"], found["series"] = str(study.StudyInstanceUID), str(series.SeriesInstanceUID)
            found["instance"] = str(series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)
    return found


def _groups(item: Dataset, depth: int) -> Iterator[Dataset]:
    if depth > DEEPEST:
        raise NotReadable("This report is nested too deeply.")
    for child in item.get("ContentSequence") or ():
        if child.get("ValueType") == "CONTAINER":
            if _concept(child) == GROUP[:2]:
                yield child
            else:
                yield from _groups(child, depth + 1)


def _concept(item: Dataset) -> tuple[str, str]:
    code = header.code_of(item, "ConceptNameCodeSequence")
    return code[:2] if code else ("", "")


def _shapes(group: Dataset, where: str) -> Iterator[Shape]:
    items = list(group.get("ContentSequence") or ())
    if any(item.get("ValueType") == "SCOORD3D" for item in items):
        raise UnsupportedFormat(
            f"{where} lies in the frame of reference (3D); only the pixel matrix (2D) is read."
        )
    by_concept = {_concept(item): item for item in items}
    finding = by_concept.get(FINDING[:2])
    code = header.code_of(finding, "ConceptCodeSequence") if finding else None
    label = code[2] if code else str(_value(by_concept, TRACKING, "TextValue"))
    said = {
        "label": label,
        "layer": label,
        "comment": str(_value(by_concept, COMMENT, "TextValue")),
        "uid": str(_value(by_concept, TRACKING_UID, "UID")),
        "extra": _extra(items, code),
    }
    for item in items:
        if item.get("ValueType") == "SCOORD":
            yield _shape(item, where, said)


def _value(by_concept: dict[tuple[str, str], Dataset], code: Code, keyword: str) -> Any:
    item = by_concept.get(code[:2])
    return item.get(keyword, "") if item else ""


def _extra(items: list[Dataset], finding: Code | None) -> dict[str, Any]:
    """Codes and measurements that our own words do not say."""
    measured = []
    for item in items:
        if item.get("ValueType") == "NUM" and item.get("MeasuredValueSequence"):
            value, unit = (
                item.MeasuredValueSequence[0],
                header.code_of(item.MeasuredValueSequence[0], "MeasurementUnitsCodeSequence"),
            )
            name = header.code_of(item, "ConceptNameCodeSequence")
            row = {
                "name": list(name or ("",) * 3),
                "unit": list(unit or ("",) * 3),
                "value": float(value.NumericValue),
            }
            measured.append(row)
    told_: dict[str, Any] = {"measurements": measured} if measured else {}
    if finding and finding[1] != header.SCHEME:
        told_["finding"] = list(finding)
    return {"dicom": told_} if told_ else {}


def _shape(item: Dataset, where: str, said: dict[str, Any]) -> Shape:
    value = item.get("GraphicData")
    flat = [float(number) for number in (value if value is not None else ())]
    if not flat or len(flat) % 2 or not np.isfinite(flat).all():
        raise NotReadable(f"{where}: its coordinates are not positions.")
    points = [[x, y] for x, y in zip(flat[::2], flat[1::2], strict=True)]
    name = str(item.get("GraphicType", ""))
    if name == "CIRCLE" and len(points) == 2:
        radius = float(np.hypot(points[1][0] - points[0][0], points[1][1] - points[0][1]))
        return leaves.plain(
            "ELLIPSE", Ellipse(points[0][0], points[0][1], radius, radius).ends(), where, **said
        )
    if name == "MULTIPOINT":
        return Shape("point", {"type": "MultiPoint", "coordinates": points}, **said)
    if name == "POLYLINE" and len(points) > 3 and points[0] == points[-1]:
        return leaves.plain("POLYGON", points[:-1], where, **said)
    if name not in {"POINT", "POLYLINE", "ELLIPSE"}:
        raise NotReadable(f"{where}: a {name[:32]} is not an annotation.")
    return leaves.plain(name, points, where, **said)


def write(document: Document, image: Image) -> bytes:
    found = leaves.leaves(document, rounded=_single, boxes=False)
    uids = [_tracking(leaf, number, image) for number, leaf in enumerate(found)]
    beside = {
        "annotations": {uid: leaf.facts for uid, leaf in zip(uids, found, strict=True)},
        "layers": told.of_layers(document.layers),
        "mpp": document.mpp,
        "extra": dict(document.extra),
    }
    text = json.dumps(beside, separators=(",", ":"))
    content = repr([leaf.points for leaf in found]) + text
    made = header.started(STORAGE, "SR", image, content.encode())
    made.CompletionFlag, made.VerificationFlag, made.PreliminaryFlag = "COMPLETE", "UNVERIFIED", "FINAL"
    made.PerformedProcedureCodeSequence = made.ReferencedPerformedProcedureStepSequence = Items([])
    made.CurrentRequestedProcedureEvidenceSequence = Items([_evidence(image)])
    made.update(_report(found, uids, image))
    header.tell(made, text)
    return header.saved(made)


def _single(number: float) -> float:
    """Coordinates are 32-bit floats here."""
    return float(np.float32(number))


def _tracking(leaf: Leaf, number: int, image: Image) -> str:
    """The shape's own id where it is one; holes and parts have their own."""
    if leaf.facts.get("hole") or leaf.facts.get("part"):
        return header.uid(image.instance, "leaf", str(number))
    try:
        return f"2.25.{uuid.UUID(leaf.shape.uid).int}"
    except ValueError:
        return header.uid(image.instance, "shape", leaf.shape.uid or str(number))


def _evidence(image: Image) -> Dataset:
    study, series = Dataset(), Dataset()
    series.SeriesInstanceUID = image.series
    series.ReferencedSOPSequence = Items([header.reference(image)])
    study.StudyInstanceUID, study.ReferencedSeriesSequence = image.study, Items([series])
    return study


def _report(found: list[Leaf], uids: list[str], image: Image) -> Dataset:
    root = _item("", "CONTAINER", ("126000", "DCM", "Imaging Measurement Report"))
    root.ContinuityOfContent, root.ContentTemplateSequence = "SEPARATE", Items([_template("1500")])
    language = _code(
        "HAS CONCEPT MOD",
        ("121049", "DCM", "Language of Content Item and Descendants"),
        ("en", "RFC5646", "English"),
    )
    observer = _code("HAS OBS CONTEXT", ("121005", "DCM", "Observer Type"), ("121007", "DCM", "Device"))
    device = _item("HAS OBS CONTEXT", "UIDREF", ("121012", "DCM", "Device Observer UID"))
    device.UID = header.uid("Nocturne")
    procedure = _code(
        "HAS CONCEPT MOD", ("121058", "DCM", "Procedure reported"), ("104157003", "SCT", "Light microscopy")
    )
    measured = _item("CONTAINS", "CONTAINER", ("126010", "DCM", "Imaging Measurements"))
    measured.ContinuityOfContent = "SEPARATE"
    measured.ContentSequence = Items(
        [_group(leaf, uid, image) for leaf, uid in zip(found, uids, strict=True)]
    )
    root.ContentSequence = Items([language, observer, device, procedure, measured])
    return root


def _group(leaf: Leaf, uid: str, image: Image) -> Dataset:
    made = _item("CONTAINS", "CONTAINER", GROUP)
    made.ContinuityOfContent, made.ContentTemplateSequence = "SEPARATE", Items([_template("1410")])
    label, own = leaf.shape.label, jsons.member(leaf.shape.extra, "dicom")
    kept = None if leaf.role else header.kept_code(own.get("finding"))
    code = kept or header.label_code(label + leaf.role)
    items = [
        _text("HAS OBS CONTEXT", TRACKING, header.words(label, leaf.role)),
        _item("HAS OBS CONTEXT", "UIDREF", TRACKING_UID),
        _code("CONTAINS", FINDING, code),
        _region(leaf, image),
        *(_number(one) for one in (own.get("measurements") or []) if not leaf.role),
    ]
    items[1].UID = uid
    if leaf.shape.comment and not leaf.facts.get("hole"):
        items.append(_text("CONTAINS", COMMENT, leaf.shape.comment))
    made.ContentSequence = Items(items)
    return made


def _region(leaf: Leaf, image: Image) -> Dataset:
    made = _item("CONTAINS", "SCOORD", REGION)
    closed = leaf.graphic == "POLYGON"
    points = [*leaf.points, leaf.points[0]] if closed else leaf.points
    made.GraphicType = GRAPHICS[leaf.graphic]
    made.GraphicData = [number for at in points for number in at]
    made.PixelOriginInterpretation = "VOLUME"
    source = _item("SELECTED FROM", "IMAGE", None)
    source.ReferencedSOPSequence = Items([header.reference(image)])
    made.ContentSequence = Items([source])
    return made


def _number(one: Any) -> Dataset:
    name, unit, number = header.kept_measurement(one)
    made, value = _item("CONTAINS", "NUM", name), Dataset()
    value.NumericValue, value.FloatingPointValue = f"{number:.10g}", number
    value.MeasurementUnitsCodeSequence = Items([coded(unit)])
    made.MeasuredValueSequence = Items([value])
    return made


def _item(relation: str, kind: str, concept: Code | None) -> Dataset:
    made = Dataset()
    if relation:
        made.RelationshipType = relation
    made.ValueType = kind
    if concept:
        made.ConceptNameCodeSequence = Items([coded(concept)])
    return made


def _text(relation: str, concept: Code, text: str) -> Dataset:
    made = _item(relation, "TEXT", concept)
    made.TextValue = text
    return made


def _code(relation: str, concept: Code, value: Code) -> Dataset:
    made = _item(relation, "CODE", concept)
    made.ConceptCodeSequence = Items([coded(value)])
    return made


def _template(number: str) -> Dataset:
    made = Dataset()
    made.MappingResource, made.TemplateIdentifier = "DCMR", number
    return made
