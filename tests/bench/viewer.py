"""The paper's slide in a browser: headless Chromium without a graphics card, its server on the same
two cores.

Ours paints the raw fields of view, four colours of 16 bits, unchanged from the file. The peer is what a web
page shows today: OpenSeadragon on JPEG tiles that large_image serves from a pyramid of the same slide, which
was composed to eight bits beforehand, and cannot be windowed any more.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import tifffile

import vslide
from tests.bench.measure import OURS, Figure, Subject
from tests.bench.peers import TILE
from tests.bench.pixels import BLACK_LEVEL, Pixels
from tests.bench.slides import PAPER, Scale, make_fields, publish
from tests.bench.subjects import absent, sync
from tests.bench.tiles import WHITE
from vslide.display import composite

OPENSEADRAGON = "OpenSeadragon, large_image"
COLOURS, DISTINCT = 4, 12
LIMIT_S = 600
SCRIPTS = Path(__file__).parents[2] / "node_modules" / "openseadragon" / "build" / "openseadragon"
LEVELS = (1, 4, 8, 16, 32)

FIGURES = {
    "first_picture": Figure(
        "s from navigation to the whole slide", higher_is_better=False, target={OURS: 1.5}
    ),
    "moved": Figure("MB until then, scripts and all", higher_is_better=False),
    "pixels_moved": Figure("MB until then of pixels", higher_is_better=False),
    "longest_request": Figure("s", higher_is_better=False, target={OURS: 10.0}),
    "gap": Figure(
        "ms that a part of the view stood empty while panning at layer 4",
        higher_is_better=False,
        target={OURS: 300.0},
    ),
    "frame_p95": Figure("ms between frames while panning", higher_is_better=False),
    "annotations": Figure(
        "s from navigation until 10,000 annotations are drawn", higher_is_better=False, target={OURS: 3.0}
    ),
    "annotations_fps": Figure(
        "frames/s while the whole slide with all of them is dragged", target={OURS: 30.0}
    ),
}


def viewer(scale: Scale, kept: Path) -> Subject:
    """A window of 1920 x 1080 px shows the whole slide at layer 16. Each round opens a new browser with
    nothing in its cache; the server keeps running from round to round, as servers do.
    """
    fields = make_fields("fluorescence", PAPER, scale.grid, min(DISTINCT, scale.distinct), COLOURS)
    slide = publish(fields, kept / "slide")
    missing = absent("large_image", "large_image_source_openslide")
    if not SCRIPTS.is_dir():
        missing["openseadragon"] = "not in node_modules"
    peers = {}
    if not missing:
        picture = compose_pyramid(slide, kept / "pyramid.tif")
        peers[OPENSEADRAGON] = lambda folder: _measured("viewer_peer", picture, folder, kept)
    return Subject(
        FIGURES, lambda folder: _measured("viewer_ours", slide, folder, kept), peers, missing=missing
    )


def _measured(module: str, file: Path, folder: Path, kept: Path) -> Mapping[str, float]:
    found = folder / "figures.json"
    ours = {"NOCTURNE_VAR": str(kept / "var"), "DJANGO_SETTINGS_MODULE": "config.settings"}
    given = {name: value for name, value in os.environ.items() if not name.endswith(("_URL", "_ENDPOINTS"))}
    command = [sys.executable, "-m", "tests.bench.within_django", f"tests.bench.{module}:main", file, found]
    subprocess.run([str(word) for word in command], env=given | ours, check=True, timeout=LIMIT_S)
    figures: dict[str, float] = json.loads(found.read_text(encoding="utf-8"))
    return figures


def compose_pyramid(slide: Path, path: Path) -> Path:
    """The slide as a pyramid of JPEG tiles in eight bits, as a converter would leave it."""
    with vslide.open(slide) as reader, tifffile.TiffWriter(path, bigtiff=True) as file:
        for level in LEVELS:
            width, height = (-(-side // level) for side in reader.size)
            file.write(
                _tiles(reader, level, width, height), shape=(height, width, 3), dtype=np.uint8, tile=TILE,
                photometric="rgb", compression="jpeg", compressionargs={"level": 85},
                subfiletype=int(level > 1),
            )  # fmt: skip
    sync(path)
    return path


def _tiles(reader: vslide.SlideReader, level: int, width: int, height: int) -> Iterator[Pixels]:
    """Row by row; what lies outside of the slide is black, as a whole tile is wanted."""
    tall, wide = TILE
    windows = [(BLACK_LEVEL, WHITE)] * len(reader.channels)
    for y in range(0, height, tall):
        strip = composite(
            reader.region(0, y, -(-width // wide) * wide, tall, level=level), reader.channels, windows
        )
        for x in range(0, width, wide):
            yield np.ascontiguousarray(strip[:, x : x + wide])
