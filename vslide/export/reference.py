"""A reference, kerchunk's version 1 (https://fsspec.github.io/kerchunk/spec.html): our file as a Zarr store.

Each chunk of the store is named by its byte range in the HDF5 file, so nothing is decoded or copied here, and
zarr and xarray fetch just the chunks that they need through fsspec.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vslide.errors import NotASlide
from vslide.export.common import Source
from vslide.export.zarr_text import BLOSC, GROUP, array, consolidated, dimensions
from vslide.layout import OVERVIEW, POSITIONS, fields_name
from vslide.model import FORMAT, FORMAT_VERSION, SlideHeader, header_as_dict
from vslide.readers.mosaic import MosaicSlide
from vslide.store import ChunkIndex, SlideFile

_FILE = "slide"
"""The template that stands for the place of the slide's file."""


def write(source: Source, draft: Path) -> None:
    """Arrays `fields/1`, `4`, `8`, `16`, `32`, `overview`, and each column of `positions`.

    Raises NotASlide unless the slide is a local HDF5 file of plain Blosc chunks.
    """
    if not isinstance(source.slide, MosaicSlide):
        raise NotASlide("a reference needs a slide's own HDF5 file on this machine")
    refuse_unless_plain(source.slide.header)
    path = source.slide.path
    templates = {_FILE: source.options.url or path.name}
    with SlideFile(path) as file, draft.open("w", encoding="utf-8") as stream:
        documents, inline = _documents(file)
        stream.write(f'{{"version": 1, "templates": {json.dumps(templates)}, "refs": {{\n')
        texts = documents | {".zmetadata": consolidated(documents)}
        stream.write(",\n".join(f"{json.dumps(name)}: {_as_text(text)}" for name, text in texts.items()))
        for name, value in (*inline.items(), *_ranges(file)):
            stream.write(f",\n{json.dumps(name)}: {json.dumps(value)}")
        stream.write("\n}}\n")


def refuse_unless_plain(header: SlideHeader) -> None:
    """Raise NotASlide when the stored bytes of a chunk are not, by a Blosc decoder alone, its pixels."""
    if header.key_id:
        raise NotASlide("the chunks of a sealed slide are encrypted: no other program can read them in place")
    if header.encoding != "blosc":
        raise NotASlide(f"the chunks are {header.encoding}: Zarr has no decoder for them; choose OME-TIFF")
    if any(channel.offset for channel in header.channels):
        raise NotASlide("the chunks are stored minus an offset that Zarr cannot add; choose OME-Zarr")


def _as_text(document: Any) -> str:
    return json.dumps(json.dumps(document))


def _documents(file: SlideFile) -> tuple[dict[str, Any], dict[str, str]]:
    """The metadata of the store, and the chunks so small that they stand in the reference itself."""
    about = {"format": FORMAT, "format_version": FORMAT_VERSION} | header_as_dict(file.header)
    documents: dict[str, Any] = {".zgroup": GROUP, ".zattrs": about, "fields/.zgroup": GROUP}
    for level in file.levels:
        rows, columns = ("y", "x") if level == 1 else (f"y_{level}", f"x_{level}")
        documents |= _chunked(file.index(level), ("field", "channel", rows, columns))
    documents |= _chunked(file.index(0), ("channel", "y_overview", "x_overview"))
    documents[f"{OVERVIEW}/.zattrs"] |= file.overview_attributes()
    documents[f"{POSITIONS}/.zgroup"] = GROUP
    inline = {}
    for column in file.positions.dtype.names or ():
        values = np.ascontiguousarray(file.positions[column])
        name = f"{POSITIONS}/{column}"
        documents[f"{name}/.zarray"] = array(
            values.shape, values.shape, values.dtype, separator=".", compressor=None
        )
        documents[f"{name}/.zattrs"] = dimensions("field")
        inline[f"{name}/0"] = "base64:" + base64.b64encode(values.tobytes()).decode()
    return documents, inline


def _chunked(index: ChunkIndex, names: tuple[str, ...]) -> dict[str, Any]:
    about = array(index.shape, index.chunks, index.dtype, separator=".", compressor=BLOSC)
    return {f"{index.name}/.zarray": about, f"{index.name}/.zattrs": dimensions(*names)}


def _ranges(file: SlideFile) -> Iterator[tuple[str, list[Any]]]:
    for level in (*file.levels, 0):
        index = file.index(level)
        name = fields_name(level) if level else OVERVIEW
        for place in np.ndindex(*index.sizes.shape):
            key = ".".join(map(str, place))
            yield f"{name}/{key}", [f"{{{{{_FILE}}}}}", int(index.offsets[place]), int(index.sizes[place])]
