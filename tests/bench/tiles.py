"""Tiles for a screen: 512 × 512 px from the pixels of the camera to JPEG (quality 85)."""

import importlib
import io
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import tifffile

import vslide
from tests.bench.measure import Figure, Round, Subject
from tests.bench.peers import TILE, ZSTD
from tests.bench.pixels import BLACK_LEVEL, Pixels
from tests.bench.slides import SQUARE, Fields, Scale, make_fields, publish
from tests.bench.subjects import absent, one_core, seconds, sync
from vslide.display import composite, interleaved, to_jpeg
from vslide.model import RGB, Channel

OURS = "ours"
LARGE_IMAGE, LARGE_IMAGE_OPENSLIDE = "large_image tifffile", "large_image openslide"
DEEP_ZOOM = "OpenSlide DeepZoom"
SIDE = 512
QUALITY = 85
COLOURS = 4
KEPT_BELOW = 1 << 28
WHITE = 2000  # grey value shown brightest

Corner = tuple[int, int]
"""x, y in px"""
Render = Callable[[Corner], bytes]
Renderer = Callable[[], AbstractContextManager[Render]]
PACKAGES = ("large_image", "large_image_source_tifffile", "large_image_source_openslide")


def tiles(scale: Scale, kept: Path) -> Subject:
    """One core for all threads of the process, so "per thread" is the same for everyone. Each renderer opens
    its file anew in each round, so nobody profits from the tiles of the last.

    `composite`: four colours of 16 bits at random positions; `stored`: the same on positions of stored
    tiles, ours and the peers' (512 px against four of 256 px). `tissue`: H&E at random positions, and for
    DeepZoom on its own grid, which it cannot leave; ours is stored losslessly, theirs as JPEG tiles of
    quality 90.

    large_image reads a flat OME-TIFF of zstd tiles: its tifffile source does not open a pyramid here (it
    asks zarr 3 for a group by number: "axes and shape do not match access pattern"), and at full resolution
    none is needed. A picture of less than 2²⁸ values it reads into memory while it opens, which is not
    timed: those are named so.
    """
    grid = (scale.side, scale.side)
    four = make_fields("fluorescence", SQUARE, grid, max(1, scale.distinct // 4), COLOURS)
    tissue = make_fields("tissue", SQUARE, grid, max(1, scale.distinct // 4), 3)
    random, extent = Random(11), scale.side * SQUARE[0]
    anywhere = [
        (random.randrange(extent - SIDE), random.randrange(extent - SIDE)) for _ in range(scale.reads)
    ]
    stored = [(x // SIDE * SIDE, y // SIDE * SIDE) for x, y in anywhere]
    places = {"composite": anywhere, "stored": stored, "tissue": anywhere}
    turns = _renderers(four, tissue, kept)
    rounds: dict[str, Round] = {name: _turn(renderers, places) for name, renderers in turns.items()}
    figures = {
        "composite": Figure("tiles/s", target={LARGE_IMAGE: 5.0}),
        "stored": Figure("tiles/s", target={LARGE_IMAGE: 8.0}),
        "tissue": Figure("tiles/s", target={DEEP_ZOOM: 2.0}),
    }
    return Subject(figures, rounds.pop(OURS), rounds, missing=absent(*PACKAGES))


def _renderers(four: Fields, tissue: Fields, kept: Path) -> dict[str, dict[str, Renderer]]:
    """{who: {figure: how}}"""
    slide, stained = publish(four, kept / "four"), publish(tissue, kept / "tissue")
    jpeg = _write_tissue(tissue, kept / "tissue.tif")
    mine: dict[str, Renderer] = dict.fromkeys(("composite", "stored"), lambda: _ours(slide))
    found: dict[str, dict[str, Renderer]] = {
        OURS: mine | {"tissue": lambda: _ours(stained)},
        DEEP_ZOOM: {"tissue": lambda: _deep_zoom(jpeg)},
    }
    if not absent(*PACKAGES[:2]):
        ome = _write_ome(four, kept / "four.ome.tif")
        style = _style(four)
        theirs: dict[str, Renderer] = dict.fromkeys(
            ("composite", "stored"), lambda: _large_image("tifffile", ome, style)
        )
        found[_kept(four)] = theirs
        found.setdefault(_kept(tissue), {})["tissue"] = lambda: _large_image("tifffile", jpeg)
    if not absent(PACKAGES[0], PACKAGES[2]):
        found[LARGE_IMAGE_OPENSLIDE] = {"tissue": lambda: _large_image("openslide", jpeg)}
    return found


def _kept(fields: Fields) -> str:
    """large_image's name, with a word where it will read the whole picture into memory beforehand."""
    pixels = len(fields) * len(fields.channels) * fields.shape[0] * fields.shape[1]
    return LARGE_IMAGE if pixels >= KEPT_BELOW else f"{LARGE_IMAGE}, whole in memory"


def _turn(renderers: Mapping[str, Renderer], places: Mapping[str, Sequence[Corner]]) -> Round:
    def once(_: Path) -> Mapping[str, float]:
        rates = {}
        for figure, renderer in renderers.items():
            with one_core(), renderer() as render:
                rates[figure] = _rate(render, places[figure])
        return rates

    return once


def _rate(render: Render, places: Sequence[Corner]) -> float:
    return len(places) / seconds(lambda: [render(one) for one in places])


@contextmanager
def _ours(path: Path) -> Iterator[Render]:
    with vslide.open(path) as slide:
        yield lambda corner: shown(slide.region(*corner, SIDE, SIDE), slide.channels)


def shown(pixels: Pixels, channels: Sequence[Channel]) -> bytes:
    """(C, H, W) as a JPEG; four colours between black level and WHITE, as large_image is told."""
    if tuple(channels) == RGB:
        return to_jpeg(interleaved(pixels), QUALITY)
    return to_jpeg(composite(pixels, channels, [(BLACK_LEVEL, WHITE)] * len(channels)), QUALITY)


@contextmanager
def _large_image(source: str, path: Path, style: Mapping[str, Any] | None = None) -> Iterator[Render]:
    importlib.import_module("large_image").cache_util.cachesClear()
    opened = importlib.import_module(f"large_image_source_{source}").open(path, style=style)

    def render(corner: Corner) -> bytes:
        region = {"left": corner[0], "top": corner[1], "width": SIDE, "height": SIDE}
        packed: bytes = opened.getRegion(region=region, encoding="JPEG", jpegQuality=QUALITY)[0]
        return packed

    yield render
    for one in (opened, getattr(opened, "_unstyled", None)):  # large_image itself never closes a TIFF
        if file := getattr(one, "_tf", None):
            file.close()


def _style(fields: Fields) -> Mapping[str, Any]:
    """The channels' colours from black to white point: what ours shows."""
    return {
        "bands": [
            {"frame": n, "palette": ["#000000", channel.colour], "min": BLACK_LEVEL, "max": WHITE}
            for n, channel in enumerate(fields.channels)
        ]
    }


@contextmanager
def _deep_zoom(path: Path) -> Iterator[Render]:
    with pkgutil.resolve_name("openslide:OpenSlide")(path) as slide:
        zoom = pkgutil.resolve_name("openslide.deepzoom:DeepZoomGenerator")(slide, SIDE, 0)

        def render(corner: Corner) -> bytes:
            packed = io.BytesIO()
            tile = zoom.get_tile(zoom.level_count - 1, (corner[0] // SIDE, corner[1] // SIDE))
            tile.save(packed, "JPEG", quality=QUALITY)
            return packed.getvalue()

        yield render


def mosaic(fields: Fields) -> Pixels:
    """(C, H, W) of all fields side by side."""
    rows = [
        np.concatenate([fields[r * fields.columns + c] for c in range(fields.columns)], axis=2)
        for r in range(fields.rows)
    ]
    return np.concatenate(rows, axis=1)


def _write_ome(fields: Fields, path: Path) -> Path:
    with tifffile.TiffWriter(path, bigtiff=True, ome=True) as file:
        file.write(mosaic(fields), metadata={"axes": "CYX"}, photometric="minisblack", tile=TILE, **ZSTD)
    sync(path)
    return path


def _write_tissue(fields: Fields, path: Path) -> Path:
    picture = np.moveaxis(mosaic(fields), 0, -1)
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        file.write(picture, tile=TILE, photometric="rgb", compression="jpeg", compressionargs={"level": 90})
    sync(path)
    return path
