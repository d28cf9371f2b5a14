"""Write a slide for other programs."""

import argparse
import sys
import time
from pathlib import Path

from vslide.commands.outcome import Outcome, add_json, add_path
from vslide.export import FORMATS, export
from vslide.export.common import Options, Progress, no_progress
from vslide.reader import open_slide

_SUFFIXES = {".svs": "svs", ".zarr": "ome-zarr", ".json": "reference", ".dicom": "dicom"}
_REDRAW_S = 0.2


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", help="a slide, a journal directory or a vendor file")
    add_path(parser, "output", "the file or directory to write; must not exist")
    parser.add_argument("--format", choices=tuple(FORMATS), help="by the output's name when not given")
    parser.add_argument(
        "--lossless", action="store_true", help="DICOM: JPEG-LS instead of JPEG for brightfield"
    )
    parser.add_argument(
        "--url", default="", help="reference: where readers find the slide (default: its file name)"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    output: Path = options.output
    kind = options.format or _SUFFIXES.get(output.suffix.lower(), "ome-tiff")
    progress = _meter() if sys.stderr.isatty() else no_progress
    with open_slide(options.source) as slide:
        export(slide, output, kind, Options(lossless=options.lossless, url=options.url), progress)
    if progress is not no_progress:
        sys.stderr.write("\r\033[K")
    files = [file for file in output.rglob("*") if file.is_file()] if output.is_dir() else [output]
    size = sum(file.stat().st_size for file in files)
    return Outcome((f"{output}: {kind}, {size} bytes",), {"format": kind, "bytes": size, "files": len(files)})


def _meter() -> Progress:
    """A line of per cent on the terminal, drawn a few times a second."""
    drawn = 0.0

    def draw(done: int, total: int) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - drawn > _REDRAW_S:
            drawn = now
            sys.stderr.write(f"\r{100 * done // total} %")
            sys.stderr.flush()

    return draw
