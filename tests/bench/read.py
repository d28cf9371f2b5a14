"""Reading 2560 × 2160 × uint16 fields, lossless, from a warm page cache."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import h5py
import tifffile

import vslide
from tests.bench.measure import Figure, Round, Subject
from tests.bench.peers import INNER, TILE, open_tensorstore, write_tensorstore, write_tiff
from tests.bench.slides import CAMERA, THREADS, Scale, camera_fields, publish
from tests.bench.subjects import absent, seconds
from vslide.codec import chunk_grid

OURS = "ours"
SAME, WHOLE = "h5py, same slide", "h5py, whole-field chunk"
ZARR, TENSORSTORE, TIFF = "zarr-python, shard 270x256", "tensorstore, shard 270x256", "tifffile, tiles zstd"
SIDE = 512
PLANES = 24

Box = tuple[int, int, int, int, int]
"""field, y, x, height, width in px of that field"""
Read = Callable[[Box], object]
Reader = Callable[[], AbstractContextManager[Read]]


@dataclass(frozen=True)
class Boxes:
    """What is read in a round: every reader the same, no place twice."""

    tiles: Sequence[Box]
    regions: Sequence[Box]
    planes: Sequence[Box]


def read(scale: Scale, kept: Path) -> Subject:
    """Each reader is opened anew for each figure of a round, so no cache of decoded pixels lives longer.

    `stored_tile`: the pixels of one stored chunk of ours (540 × 512 px), at random places; a peer reads the
    same box, which is one chunk in the same slide and four inner chunks of a shard. `region`: 512 × 512 px
    at random positions inside a field. `plane`: whole fields. The shard is tensorstore's best layout for
    such reads, and is read by zarr-python as well; tifffile reads pages of 256 px tiles through its zarr
    interface.
    """
    fields = camera_fields(scale.fields, scale.distinct)
    readers: dict[str, Reader] = {}
    slide, whole = publish(fields, kept / "chunks"), publish(fields, kept / "whole", CAMERA)
    readers[OURS] = lambda: _ours(slide)
    readers[SAME] = lambda: _h5py(slide)
    readers[WHOLE] = lambda: _h5py(whole)
    if not absent("zarr"):
        tiff = write_tiff(fields, kept / "fields.tif", tile=TILE)
        readers[TIFF] = lambda: _tiff(tiff)
    if not absent("tensorstore"):
        shard = write_tensorstore(fields, kept / "shard", inner=INNER)
        readers[TENSORSTORE] = lambda: _tensorstore(shard)
        readers[ZARR] = lambda: _zarr(shard)
    boxes = _boxes(scale)
    turns: dict[str, Round] = {name: _turn(reader, boxes) for name, reader in readers.items()}
    figures = {
        "stored_tile": Figure("tiles/s", target={OURS: 2500}),
        "stored_tile_2_threads": Figure("tiles/s"),
        "scaling": Figure("times one thread, stored tiles on two", target={OURS: 1.8}),
        "region": Figure("regions/s", target={OURS: 1200, WHOLE: 6.0, ZARR: 2.0, TENSORSTORE: 1.0}),
        "plane": Figure("MB/s of pixels"),
    }
    return Subject(figures, turns.pop(OURS), turns, missing=absent("tensorstore", "zarr"))


def _boxes(scale: Scale) -> Boxes:
    random, (height, width), (tall, wide) = Random(7), CAMERA, chunk_grid(*CAMERA)
    grid = [
        (n, y, x, tall, wide)
        for n in range(scale.fields)
        for y in range(0, height, tall)
        for x in range(0, width, wide)
    ]
    regions = [
        (n, random.randrange(height - SIDE), random.randrange(width - SIDE), SIDE, SIDE)
        for n in random.choices(range(scale.fields), k=scale.reads)
    ]
    planes = [(n, 0, 0, height, width) for n in random.sample(range(scale.fields), min(PLANES, scale.fields))]
    return Boxes(random.sample(grid, min(2 * scale.reads, len(grid))), regions, planes)


def _turn(reader: Reader, boxes: Boxes) -> Round:
    def once(_: Path) -> Mapping[str, float]:
        one, two = _rate(reader, boxes.tiles), _rate(reader, boxes.tiles, _shared_out)
        megabytes = CAMERA[0] * CAMERA[1] * 2 / 1e6
        return {
            "stored_tile": one,
            "stored_tile_2_threads": two,
            "scaling": two / one,
            "region": _rate(reader, boxes.regions),
            "plane": _rate(reader, boxes.planes) * megabytes,
        }

    return once


def _one_by_one(get: Read, boxes: Sequence[Box]) -> None:
    for box in boxes:
        get(box)


def _shared_out(get: Read, boxes: Sequence[Box]) -> None:
    parts = [boxes[first::THREADS] for first in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda part: _one_by_one(get, part), parts))


def _rate(
    reader: Reader, boxes: Sequence[Box], work: Callable[[Read, Sequence[Box]], object] = _one_by_one
) -> float:
    """Boxes a second once the file is open."""
    with reader() as get:
        return len(boxes) / seconds(lambda: work(get, boxes))


@contextmanager
def _ours(path: Path) -> Any:
    width = CAMERA[1]
    with vslide.open(path) as slide:

        def get(box: Box) -> object:
            number, y, x, tall, wide = box
            if (tall, wide) == CAMERA:
                return slide.plane(number, 0)
            return slide.region(number * width + x, y, wide, tall)

        yield get


@contextmanager
def _h5py(path: Path) -> Any:
    with h5py.File(path, locking=False) as file:
        pixels = file["fields/1"]
        yield lambda box: pixels[box[0], 0, box[1] : box[1] + box[3], box[2] : box[2] + box[4]]


@contextmanager
def _tensorstore(path: Path) -> Any:
    array = open_tensorstore(path)
    yield lambda box: array[box[0], box[1] : box[1] + box[3], box[2] : box[2] + box[4]].read().result()


@contextmanager
def _zarr(path: Path) -> Any:
    array = importlib.import_module("zarr").open_array(path, mode="r")
    yield lambda box: array[box[0], box[1] : box[1] + box[3], box[2] : box[2] + box[4]]


@contextmanager
def _tiff(path: Path) -> Any:
    zarr = importlib.import_module("zarr")
    with tifffile.TiffFile(path) as file:
        pages = [zarr.open(page.aszarr(), mode="r") for page in file.pages]
        yield lambda box: pages[box[0]][box[1] : box[1] + box[3], box[2] : box[2] + box[4]]
