"""OME-TIFF: lossless, all channels, focus layers and time points, the pyramid in SubIFDs.

OME-XML by the schema of June 2016 (https://www.openmicroscopy.org/Schemas/OME/2016-06/); the pyramid as of
https://docs.openmicroscopy.org/ome-model/latest/ome-tiff/specification.html.
"""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import tifffile

from vslide.export.common import Source, focus_step_um
from vslide.export.tiff import resolution, tiles
from vslide.model import Channel

_TILE = 512
_SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def write(source: Source, draft: Path) -> None:
    """Planes in the order z, channel, time; a brightfield slide keeps its colours together in each pixel."""
    channels = [tuple(range(3))] if source.is_rgb else [(one,) for one in range(len(source.slide.channels))]
    planes = [(group, z, t) for t in range(source.times) for group in channels for z in range(source.layers)]
    options: dict[str, Any] = {
        "dtype": source.slide.dtype,
        "tile": (_TILE, _TILE),
        "photometric": "rgb" if source.is_rgb else "minisblack",
        "compression": "zlib",
        # Behind the predictor the first level packs as well as the sixth, in a fifth of the time.
        "compressionargs": {"level": 1},
        "predictor": True,
        "metadata": None,
        "software": False,
    }
    with tifffile.TiffWriter(draft, bigtiff=True) as tiff:
        for level in source.levels:
            width, height = source.size(level)
            first = level == 1
            tiff.write(
                tiles(source, level, _TILE, planes),
                shape=(len(planes), height, width, *((3,) if source.is_rgb else ())),
                subifds=len(source.levels) - 1 if first else None,
                subfiletype=0 if first else 1,
                description=describe(source).encode() if first else None,
                **options,
                **resolution(source, level),
            )


def describe(source: Source) -> str:
    """The OME-XML of the slide."""
    slide = source.slide
    instrument = objective = ""
    if slide.magnification:
        power = _tag("Objective", {"ID": "Objective:0", "NominalMagnification": slide.magnification})
        instrument = _tag("Instrument", {"ID": "Instrument:0"}, power)
        objective = _tag("InstrumentRef", {"ID": "Instrument:0"}) + _tag(
            "ObjectiveSettings", {"ID": "Objective:0"}
        )
    image = _tag("Image", {"ID": "Image:0", "Name": source.slide_id}, objective + _pixels(source))
    return f'<?xml version="1.0" encoding="UTF-8"?>{_tag("OME", {"xmlns": _SCHEMA}, instrument + image)}'


def _pixels(source: Source) -> str:
    slide = source.slide
    attributes: dict[str, Any] = {
        "ID": "Pixels:0",
        "DimensionOrder": "XYCZT" if source.is_rgb else "XYZCT",
        "Type": slide.dtype.name,
        "SizeX": slide.size[0],
        "SizeY": slide.size[1],
        "SizeC": len(slide.channels),
        "SizeZ": source.layers,
        "SizeT": source.times,
    }
    if slide.pixel_size_um:
        for axis in "XY":
            attributes |= {f"PhysicalSize{axis}": slide.pixel_size_um, f"PhysicalSize{axis}Unit": "µm"}
    if step := focus_step_um(slide):
        attributes |= {"PhysicalSizeZ": step, "PhysicalSizeZUnit": "µm"}
    groups = 1 if source.is_rgb else len(slide.channels)
    data = _tag("TiffData", {"IFD": 0, "PlaneCount": groups * source.layers * source.times})
    return _tag("Pixels", attributes, "".join([*_channels(source), data, *_planes(source)]))


def _channels(source: Source) -> Iterator[str]:
    if source.is_rgb:
        yield _tag("Channel", {"ID": "Channel:0:0", "SamplesPerPixel": 3})
        return
    for number, channel in enumerate(source.slide.channels):
        yield _tag("Channel", {"ID": f"Channel:0:{number}", "SamplesPerPixel": 1} | _colour(channel))


def _colour(channel: Channel) -> dict[str, Any]:
    red_green_blue = int(channel.colour[1:], 16)
    signed = int.from_bytes((red_green_blue << 8 | 0xFF).to_bytes(4, "big"), "big", signed=True)
    about: dict[str, Any] = {"Name": channel.name, "Color": signed}
    for name, wavelength in (("Excitation", channel.excitation_nm), ("Emission", channel.emission_nm)):
        if wavelength is not None:
            about |= {f"{name}Wavelength": wavelength, f"{name}WavelengthUnit": "nm"}
    return about


def _planes(source: Source) -> Iterator[str]:
    if source.is_rgb:
        return
    for number, channel in enumerate(source.slide.channels):
        if channel.exposure_ms is None:
            continue
        exposure = {"ExposureTime": channel.exposure_ms, "ExposureTimeUnit": "ms"}
        for t in range(source.times):
            for z in range(source.layers):
                yield _tag("Plane", {"TheZ": z, "TheC": number, "TheT": t} | exposure)


def _tag(name: str, attributes: dict[str, Any], inside: str = "") -> str:
    written = "".join(f' {key}="{escape(str(value))}"' for key, value in attributes.items())
    return f"<{name}{written}>{inside}</{name}>"
