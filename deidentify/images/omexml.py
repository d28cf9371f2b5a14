"""The OME-XML of a slide, read for what may leave and written anew.

Schema of June 2016, https://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd; an element or attribute that
it does not have stops the slide.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import quoteattr

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from deidentify.errors import BrokenInput, UnknownContent, UnsupportedFormat

SCHEMA: Final = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
MOST_PLANES: Final = 1000
BESIDE: Final = re.compile(r"\b(?:label|macro|thumbnail|overview|barcode)\b", re.IGNORECASE)
CHILDREN: Final = {
    "OME": {
        "Rights", "Project", "Dataset", "Folder", "Experiment", "Plate", "Screen", "Experimenter",
        "ExperimenterGroup", "Instrument", "Image", "StructuredAnnotations", "ROI", "BinaryOnly",
    },
    "Image": {
        "AcquisitionDate", "ExperimenterRef", "Description", "ExperimentRef", "ExperimenterGroupRef",
        "InstrumentRef", "ObjectiveSettings", "ImagingEnvironment", "StageLabel", "Pixels", "ROIRef",
        "MicrobeamManipulationRef", "AnnotationRef",
    },
    "Pixels": {"Channel", "BinData", "TiffData", "MetadataOnly", "Plane"},
    "Channel": {"LightSourceSettings", "DetectorSettings", "FilterSetRef", "AnnotationRef", "LightPath"},
    "TiffData": {"UUID"},
}  # fmt: skip
DROPPED_ATTRIBUTES: Final = {
    "OME": {"UUID", "Creator", "schemaLocation"},
    "Image": {"ID", "Name"},
    "Pixels": {"ID", "BigEndian", "SignificantBits", "Interleaved", "TimeIncrement", "TimeIncrementUnit"},
    "Channel": {
        "ID", "AcquisitionMode", "IlluminationType", "PinholeSize", "PinholeSizeUnit", "ContrastMethod",
        "Fluor", "NDFilter", "PockelCellSetting",
    },
    "TiffData": set(),
}  # fmt: skip
SIZES: Final = ("SizeX", "SizeY", "SizeZ", "SizeC", "SizeT")
PHYSICAL: Final = ("PhysicalSizeX", "PhysicalSizeY", "PhysicalSizeZ")
WAVES: Final = ("EmissionWavelength", "ExcitationWavelength")
PLACES: Final = ("IFD", "FirstZ", "FirstC", "FirstT", "PlaneCount")
LENGTHS: Final = frozenset({"pm", "nm", "µm", "mm", "cm", "pixel"})
TYPES: Final = frozenset({
    "int8", "int16", "int32", "uint8", "uint16", "uint32", "float", "double", "bit",
})  # fmt: skip
DYES: Final = re.compile(
    r"dapi|hoechst(?: \d{5})?|fitc|tritc|[e]?gfp|[emr]?[cry]fp|mcherry|tdtomato|texas ?red|txred|"
    r"cy[2357](?:\.5)?|alexa(?: ?fluor)? ?\d{3}|af ?\d{3}|opal ?\d{3}|atto ?\d{3}|pe|apc|autofluorescence|af|"
    r"bright ?field|bf|transmitted|phase|dic|h&e|haematoxylin|hematoxylin|eosin|dab|red|green|blue|gr[ae]y",
    re.IGNORECASE,
)
"""Names of channels that may leave: any other is free text."""


@dataclass(frozen=True, slots=True)
class Plane:
    """Which directory holds the picture of one channel, focus layer and time point."""

    directory: int
    z: int
    c: int
    t: int


@dataclass(frozen=True, slots=True)
class Mosaic:
    """What may be said of a slide. ``sizes``: px, layers, channels and time points by SIZES; ``physical``:
    (length, unit) of a pixel; ``channels``: checked attributes of each; ``dropped``: other pictures."""

    sizes: Mapping[str, int]
    order: str
    kind: str
    physical: Mapping[str, tuple[float, str]]
    channels: tuple[Mapping[str, str], ...]
    planes: tuple[Plane, ...]
    magnification: float | None
    dropped: tuple[str, ...]


def read_ome(text: str, directories: int) -> Mosaic:
    """The first picture that is no label, macro photograph or the like. ``directories``: of the file.

    Raises UnknownContent, UnsupportedFormat (planes in other files, none at all), BrokenInput.
    """
    try:
        root = fromstring(text.encode(), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise BrokenInput("the OME-XML cannot be read") from error
    _check(root, "OME", ())
    images = [child for child in root if _name(child) == "Image"]
    for image in images:
        _check(image, "Image", ())
    kept = [image for image in images if not BESIDE.search(image.get("Name", ""))]
    pixels = _only(kept[0], "Pixels") if kept else None
    if pixels is None:
        raise UnsupportedFormat("the OME-XML describes no slide")
    _check(
        pixels, "Pixels", (*SIZES, "DimensionOrder", "Type", *PHYSICAL, *(f"{one}Unit" for one in PHYSICAL))
    )
    sizes = {name: _whole(pixels, name, 1) for name in SIZES}
    channels = tuple(_channel(one) for one in pixels if _name(one) == "Channel")
    order, kind = pixels.get("DimensionOrder", ""), pixels.get("Type", "")
    if sorted(order) != list("CTXYZ") or order[:2] != "XY" or kind not in TYPES:
        raise BrokenInput("the OME-XML has an order of dimensions or a type of pixels that there is not")
    return Mosaic(
        sizes, order, kind, _physical(pixels), channels,
        tuple(_planes(root, pixels, sizes, channels, directories)), _magnification(root, kept[0]),
        tuple(f"picture {number}" for number, image in enumerate(images) if image is not kept[0]),
    )  # fmt: skip


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _only(parent: Element, name: str) -> Element | None:
    return next((child for child in parent if _name(child) == name), None)


def _check(element: Element, kind: str, kept: tuple[str, ...]) -> None:
    """Every child and attribute is one that the schema has. Names of strangers may be personal: a long one is
    not repeated."""
    if _name(element) != kind:
        raise UnknownContent("OME-XML", f"the OME-XML has no {kind} where one stands")
    for child in element:
        if _name(child) not in CHILDREN[kind]:
            raise UnknownContent(
                "OME-XML element", f"{kind} holds an element that OME-XML does not have there"
            )
    for name in element.attrib:
        if name.rpartition("}")[2] not in {*DROPPED_ATTRIBUTES[kind], *kept}:
            raise UnknownContent("OME-XML attribute", f"{kind} has an attribute that is on no list")


def _whole(element: Element, name: str, least: int, default: str = "") -> int:
    text = element.get(name, default)
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < least:
        raise BrokenInput(f"the OME-XML has no sound {name}")
    return int(text)


def _positive(text: str | None, what: str) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise BrokenInput(f"the OME-XML's {what} is no number") from error
    if not 0 < value < 1e12:
        raise BrokenInput(f"the OME-XML's {what} is impossible")
    return value


def _physical(pixels: Element) -> dict[str, tuple[float, str]]:
    found = {}
    for name in PHYSICAL:
        value, unit = _positive(pixels.get(name), name), pixels.get(f"{name}Unit", "µm").replace("μ", "µ")
        if value is None:
            continue
        if unit not in LENGTHS:
            raise UnknownContent("OME-XML unit", f"{name} has a unit that is on no list")
        found[name] = (value, unit)
    return found


def _channel(element: Element) -> dict[str, str]:
    """Numbers are kept, and a name where it is a dye's or a stain's."""
    units = tuple(f"{name}Unit" for name in WAVES)
    _check(element, "Channel", ("Name", "Color", "SamplesPerPixel", *WAVES, *units))
    kept = {"SamplesPerPixel": str(_whole(element, "SamplesPerPixel", 1, "1"))}
    if re.fullmatch(r"-?[0-9]{1,10}", element.get("Color", "")):
        kept["Color"] = element.attrib["Color"]
    if DYES.fullmatch(element.get("Name", "")):
        kept["Name"] = element.attrib["Name"]
    for name in WAVES:
        value, unit = _positive(element.get(name), name), element.get(f"{name}Unit", "nm")
        if value is not None and unit in LENGTHS:
            kept[name], kept[f"{name}Unit"] = f"{value:g}", unit
    return kept


def _magnification(root: Element, image: Element) -> float | None:
    """Of the objective that the picture names."""
    settings = _only(image, "ObjectiveSettings")
    wanted = settings.get("ID") if settings is not None else None
    for instrument in root:
        for part in instrument if _name(instrument) == "Instrument" else ():
            if wanted and _name(part) == "Objective" and part.get("ID") == wanted:
                return _positive(part.get("NominalMagnification"), "magnification")
    return None


def _planes(
    root: Element,
    pixels: Element,
    sizes: Mapping[str, int],
    channels: tuple[Mapping[str, str], ...],
    most: int,
) -> Iterator[Plane]:
    """Each plane once, by the file's directories. Raises BrokenInput where one is missing or stands twice."""
    places = _places(pixels.get("DimensionOrder", "")[2:], sizes, channels)
    found: dict[tuple[int, int, int], int] = {}
    for data in (child for child in pixels if _name(child) == "TiffData"):
        _check(data, "TiffData", PLACES)
        uuid = _only(data, "UUID")
        if uuid is not None and (uuid.text or "").strip() != root.get("UUID", "").strip():
            raise UnsupportedFormat("its planes stand in several files")
        first = (
            _whole(data, "FirstZ", 0, "0"),
            _whole(data, "FirstC", 0, "0"),
            _whole(data, "FirstT", 0, "0"),
        )
        if first not in places:
            raise BrokenInput("the OME-XML places a plane outside of the picture")
        begin, directory = places.index(first), _whole(data, "IFD", 0, "0")
        count = _whole(data, "PlaneCount", 1, "1" if "IFD" in data.attrib else str(len(places)))
        found |= {place: directory + at for at, place in enumerate(places[begin : begin + count])}
    if len(found) != len(places) or len(set(found.values())) != len(found) or max(found.values()) >= most:
        raise BrokenInput("the OME-XML and the file's directories do not fit")
    for (z, c, t), directory in sorted(found.items(), key=lambda item: item[1]):
        yield Plane(directory, z, c, t)


def _places(
    order: str, sizes: Mapping[str, int], channels: tuple[Mapping[str, str], ...]
) -> list[tuple[int, int, int]]:
    """(z, c, t) of all planes; the first letter of ``order`` runs fastest. Samples of one channel (colours)
    are of one plane."""
    samples = {int(one["SamplesPerPixel"]) for one in channels} or {1}
    deep = sizes["SizeC"] // max(samples)
    if len(samples) > 1 or deep * max(samples) != sizes["SizeC"] or (channels and len(channels) != deep):
        raise UnsupportedFormat("channels of different depth in one picture")
    counts = {"Z": sizes["SizeZ"], "C": deep, "T": sizes["SizeT"]}
    if counts["Z"] * counts["C"] * counts["T"] > MOST_PLANES:
        raise UnsupportedFormat(f"more than {MOST_PLANES} planes")
    slowest = order[::-1]
    made = product(*(range(counts[name]) for name in slowest))
    return [tuple(place[slowest.index(name)] for name in "ZCT") for place in made]  # type: ignore[misc]


def write_ome(slide: Mosaic) -> str:
    """OME-XML of what was kept; the planes are the directories of the new file, in their order."""
    objective = ""
    if slide.magnification is not None:
        told = _tag("Objective", {"ID": "Objective:0:0", "NominalMagnification": f"{slide.magnification:g}"})
        objective = _tag("Instrument", {"ID": "Instrument:0"}, told)
    settings = (
        _tag("InstrumentRef", {"ID": "Instrument:0"}) + _tag("ObjectiveSettings", {"ID": "Objective:0:0"})
        if objective
        else ""
    )
    physical: dict[str, str] = {}
    for name, (value, unit) in slide.physical.items():
        physical |= {name: f"{value:.9g}", f"{name}Unit": unit}
    channels = "".join(
        _tag("Channel", {"ID": f"Channel:0:{number}", **channel})
        for number, channel in enumerate(slide.channels)
    )
    planes = "".join(
        _tag("TiffData", {
            "IFD": str(number), "FirstZ": str(one.z), "FirstC": str(one.c), "FirstT": str(one.t),
            "PlaneCount": "1",
        })
        for number, one in enumerate(slide.planes)
    )  # fmt: skip
    pixels = _tag(
        "Pixels",
        {
            "ID": "Pixels:0", "DimensionOrder": slide.order, "Type": slide.kind,
            **{name: str(size) for name, size in slide.sizes.items()}, **physical,
        },
        channels + planes,
    )  # fmt: skip
    image = _tag("Image", {"ID": "Image:0"}, settings + pixels)
    return f'<?xml version="1.0" encoding="UTF-8"?>{_tag("OME", {"xmlns": SCHEMA}, objective + image)}'


def _tag(name: str, attributes: Mapping[str, str], content: str = "") -> str:
    told = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{told}>{content}</{name}>" if content else f"<{name}{told}/>"
