"""The paper's own slide: 418 fields of 1392 × 1040 px in four colours of 16 bits, 4.84 GB raw.

The viewer of Salvaire (EuroSciPy 2013: a Xeon, a SATA disk, a graphics card) showed layer 16 in about 2 s,
100 raw fields in about 6 s, and loaded one colour field in 50 ms. Those are published figures of another
machine: named as such, never measured here.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from statistics import median

import h5py
import numpy as np

import vslide
from tests.bench.measure import OURS, Figure, Subject
from tests.bench.scan import scan
from tests.bench.slides import PAPER, THREADS, Fields, Scale, make_fields
from tests.bench.subjects import forget, seconds, sync
from tests.bench.tiles import shown
from tests.faults.service import serving
from vslide.geometry import divide_up
from vslide.layers import zoom_layers

RAW_FIELDS = 100
SINGLE_FIELDS = 50
LAYER = 16
SEED_FIELDS = 40
COLOURS = 4
DISTINCT = 12


def headline(scale: Scale, kept: Path) -> Subject:
    """Every read starts with the file dropped from the page cache.

    `layer_16`: open the file, read the whole mosaic at layer 16, composite, JPEG. `raw_fields`: open and
    decode 100 fields in four colours on two threads. `field`: one colour field, the median of fifty.
    `finished`: frames in memory → compressed by two threads → slide service → verified file with zoom
    layers; `last_field` is the part of it after the last acknowledgement.

    The seed-like file is what one would write first: natural 5-D, one colour field a chunk, gzip 4, its
    layers alike. It would take more than a minute to write, so it holds 40 fields; what depends on their
    number is scaled to all.
    """
    fields = make_fields("fluorescence", PAPER, scale.grid, min(DISTINCT, scale.distinct), COLOURS)
    figures = {
        "layer_16": Figure("s", higher_is_better=False, target={OURS: 0.060}),
        "raw_fields": Figure("s", higher_is_better=False, target={OURS: 0.7}),
        "field": Figure("s", higher_is_better=False, target={OURS: 0.002}),
        "finished": Figure("s", higher_is_better=False, target={OURS: 8.0}),
        "last_field": Figure("s", higher_is_better=False),
    }
    part = Fields(fields.sources, 1, min(SEED_FIELDS, len(fields)), fields.channels, fields.shape)
    peers = {f"seed-like h5py gzip-4, from {len(part)} fields": lambda at: _seed_like(part, len(fields), at)}
    paper = {"layer_16": 2.0, "raw_fields": 6.0, "field": 0.050}
    return Subject(figures, lambda at: _ours(fields, at), peers, {"the paper, 2013 (published)": paper})


def _ours(fields: Fields, folder: Path) -> Mapping[str, float]:
    with serving(folder) as service:
        made = scan(service.endpoint, fields.header(), fields.encoded(), fields.planned)
    return {
        "layer_16": _cold(made.slide, lambda: _show(made.slide)),
        "raw_fields": _cold(made.slide, lambda: _raw_fields(made.slide)),
        "field": _single_fields(made.slide),
        "finished": made.verified_s,
        "last_field": made.publishing_s,
    }


def _cold(path: Path, work: Callable[[], object]) -> float:
    forget(path)
    return seconds(work)


def _show(path: Path) -> bytes:
    with vslide.open(path) as slide:
        width, height = (divide_up(side, LAYER) for side in slide.size)
        return shown(slide.region(0, 0, width, height, level=LAYER), slide.channels)


def _raw_fields(path: Path) -> None:
    with vslide.open(path) as slide, ThreadPoolExecutor(THREADS) as pool:
        count = min(RAW_FIELDS, len(slide.fields))
        wanted = [(n, channel) for n in range(count) for channel in range(len(slide.channels))]
        for _ in pool.map(lambda one: slide.plane(*one), wanted):
            pass


def _single_fields(path: Path) -> float:
    forget(path)
    random = Random(5)
    with vslide.open(path) as slide:
        slide.plane(0, 0)
        places = [
            (random.randrange(len(slide.fields)), random.randrange(COLOURS)) for _ in range(SINGLE_FIELDS)
        ]
        return median([seconds(partial(slide.plane, *place)) for place in places])


def _seed_like(fields: Fields, whole: int, folder: Path) -> Mapping[str, float]:
    path = folder / "seed.h5"
    began = time.perf_counter()
    _write_seed_like(fields, path)
    finished = time.perf_counter() - began
    show, raw = _cold(path, lambda: _show_seed_like(path)), _cold(path, lambda: _read_seed_like(path))
    forget(path)
    with h5py.File(path) as file:
        pixels = file["1"]
        single = median(
            [seconds(partial(pixels.__getitem__, (0, n, n % COLOURS))) for n in range(len(fields))]
        )
    times = whole / len(fields)
    return {
        "layer_16": show * times,
        "raw_fields": raw * min(RAW_FIELDS, whole) / len(fields),
        "field": single,
        "finished": finished * times,
    }


def _write_seed_like(fields: Fields, path: Path) -> None:
    with h5py.File(path, "w") as file:
        for number in range(len(fields)):
            where = (number // fields.columns, number % fields.columns)
            for channel, plane in enumerate(fields[number]):
                for level, pixels in {1: np.ascontiguousarray(plane), **zoom_layers(plane)}.items():
                    if str(level) not in file:
                        grid = (fields.rows, fields.columns, COLOURS)
                        file.create_dataset(
                            str(level), (*grid, *pixels.shape), "uint16", chunks=(1, 1, 1, *pixels.shape),
                            compression="gzip", compression_opts=4,
                        )  # fmt: skip
                    file[str(level)][(*where, channel)] = pixels
    sync(path)


def _show_seed_like(path: Path) -> bytes:
    with h5py.File(path) as file:
        layer = file[str(LAYER)]
        rows, columns, colours, tall, wide = layer.shape
        mosaic = np.empty((colours, rows * tall, columns * wide), np.uint16)
        for r, c, channel in np.ndindex(rows, columns, colours):
            mosaic[channel, r * tall : (r + 1) * tall, c * wide : (c + 1) * wide] = layer[r, c, channel]
        channels = tuple(vslide.Channel(f"colour {n}") for n in range(colours))
        return shown(mosaic, channels)


def _read_seed_like(path: Path) -> None:
    with h5py.File(path) as file:
        pixels = file["1"]
        for where in np.ndindex(*pixels.shape[:3]):
            pixels[where]
