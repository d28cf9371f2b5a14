"""OME-Zarr 0.4 on Zarr version 2, https://ngff.openmicroscopy.org/0.4/: one directory, lossless Blosc chunks.

Version 0.4 because it is "best supported by most tools" (https://github.com/ome/ome-zarr-py/issues/458), and
older releases of napari do not open 0.5 (issue 470 there). Each level is a group of its own with one array
`image`, so that xarray, which wants one size for each axis of a group, opens a level as a dataset and all as
a tree; the specification permits it (https://github.com/ome/ngff/pull/114).
"""

import json
from pathlib import Path
from typing import Any

from vslide.codec import encode_chunk
from vslide.export.common import Pixels, Source, focus_step_um, in_order
from vslide.export.zarr_text import BLOSC, GROUP, array, consolidated, dimensions

_TILE = 512
_AXES = "tczyx"
Job = tuple[int, tuple[int, int], int, int]
"""Level, corner of the tile, focus layer, time point."""


def write(source: Source, draft: Path) -> None:
    """All channels, focus layers and time points, axes t, c, z, y, x."""
    draft.mkdir()
    documents: dict[str, Any] = {".zgroup": GROUP, ".zattrs": _attributes(source)}
    for level in source.levels:
        documents |= _level(source, level)
    documents[".zmetadata"] = consolidated(dict(documents))
    for name, document in documents.items():
        file = draft / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document, indent=1), encoding="utf-8")

    def chunks(job: Job) -> None:
        level, corner, z, t = job
        pixels = source.tile(corner, _TILE, level, None, z, t)
        for channel, plane in enumerate(pixels):
            _write_chunk(draft / _path(level) / str(t) / str(channel) / str(z), corner, plane)

    jobs = (
        (level, corner, z, t)
        for level in source.levels
        for t in range(source.times)
        for z in range(source.layers)
        for corner in source.corners(level, _TILE)
    )
    for _ in in_order(chunks, jobs):
        pass


def _write_chunk(folder: Path, corner: tuple[int, int], plane: Pixels) -> None:
    x, y = corner
    file = folder / str(y // _TILE) / str(x // _TILE)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encode_chunk(plane))


def _path(level: int) -> str:
    return f"level{level}/image"


def _level(source: Source, level: int) -> dict[str, Any]:
    width, height = source.size(level)
    shape = (source.times, len(source.slide.channels), source.layers, height, width)
    chunks = (1, 1, 1, _TILE, _TILE)
    return {
        f"level{level}/.zgroup": GROUP,
        f"{_path(level)}/.zarray": array(shape, chunks, source.slide.dtype, separator="/", compressor=BLOSC),
        f"{_path(level)}/.zattrs": dimensions(*_AXES),
    }


def _attributes(source: Source) -> dict[str, Any]:
    size = source.slide.pixel_size_um
    step = focus_step_um(source.slide)
    units = {"y": "micrometer", "x": "micrometer"} if size else {}
    if step:
        units["z"] = "micrometer"
    kinds = {"t": "time", "c": "channel"}
    axes = [
        {"name": axis, "type": kinds.get(axis, "space")} | ({"unit": units[axis]} if axis in units else {})
        for axis in _AXES
    ]
    datasets = []
    for level in source.levels:
        # The first pixel of a level is the mean of level x level pixels: its middle lies further in.
        scale, shift = (size or 1.0) * level, (size or 1.0) * (level - 1) / 2
        steps = [
            {"type": "scale", "scale": [1.0, 1.0, step or 1.0, scale, scale]},
            {"type": "translation", "translation": [0.0, 0.0, 0.0, shift, shift]},
        ]
        datasets.append({"path": _path(level), "coordinateTransformations": steps})
    multiscale = {
        "version": "0.4",
        "name": source.slide_id,
        "axes": axes,
        "datasets": datasets,
        "type": "mean",
    }
    return {"multiscales": [multiscale], "omero": _omero(source)}


def _omero(source: Source) -> dict[str, Any]:
    top = 255 if source.slide.dtype.itemsize == 1 else 65_535
    channels = [
        {
            "label": channel.name,
            "color": channel.colour[1:].upper(),
            "active": True,
            "coefficient": 1,
            "family": "linear",
            "inverted": False,
            "window": {"min": 0, "max": top, "start": channel.black_level, "end": top},
        }
        for channel in source.slide.channels
    ]
    defaults = {"defaultT": 0, "defaultZ": source.layers // 2, "model": "color"}
    return {"version": "0.4", "id": 1, "name": source.slide_id, "channels": channels, "rdefs": defaults}
