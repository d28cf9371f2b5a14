"""Write a slide for other programs."""

import argparse

from vslide.commands.outcome import Outcome, add_json, add_path
from vslide.export import export
from vslide.reader import open_slide


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", help="a slide, a journal directory or a vendor file")
    add_path(parser, "output", "the file to write; must not exist")
    parser.add_argument("--format", choices=("ome-tiff", "svs"), help="by the output's name when not given")
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    kind = options.format or ("svs" if options.output.suffix.lower() == ".svs" else "ome-tiff")
    with open_slide(options.source) as slide:
        export(slide, options.output, kind)
    size = options.output.stat().st_size
    return Outcome((f"{options.output}: {kind}, {size} bytes",), {"format": kind, "bytes": size})
