"""Make a virtual slide from a folder of tiles whose names state a grid."""

import argparse

from vslide.commands.outcome import Outcome, add_json, add_path
from vslide.tiles import TileGrid, import_tiles


def configure(parser: argparse.ArgumentParser) -> None:
    add_path(parser, "folder", "the tiles (.png .jpg .tif .bmp), all of one size")
    add_path(parser, "output", "directory for the slide")
    parser.add_argument("--pixel-size", type=float, default=1.0, help="µm per px (default 1)")
    parser.add_argument("--magnification", type=float, default=1.0)
    parser.add_argument(
        "--overlap", type=float, default=0.1, help="share of a tile that its neighbour repeats"
    )
    parser.add_argument("--step-x", type=float, help="px between columns, instead of --overlap")
    parser.add_argument("--step-y", type=float, help="px between rows, instead of --overlap")
    parser.add_argument(
        "--pattern", help="regular expression with the groups r, c and, if need be, w (channel)"
    )
    parser.add_argument("--register", action="store_true", help="find the true positions from the overlaps")
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    grid = TileGrid(
        pixel_size_um=options.pixel_size,
        magnification=options.magnification,
        overlap=options.overlap,
        step_x=options.step_x,
        step_y=options.step_y,
        pattern=options.pattern,
        register=options.register,
    )
    made = import_tiles(options.folder, options.output, grid)
    return Outcome((f"{made.path}: {made.fields} fields",), {"path": str(made.path), "fields": made.fields})
