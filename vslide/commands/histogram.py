"""How the grey values of each channel are spread, and the window that shows it well."""

import argparse
from typing import Any

from vslide.commands.outcome import Outcome, add_json
from vslide.errors import NoSuchField
from vslide.histogram import Histogram, slide_histograms
from vslide.model import RGB, Channel
from vslide.reader import open_slide

PERCENTILES = (0.1, 1, 5, 25, 50, 75, 95, 99, 99.9)
BINS = 256


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", help="a slide, a journal directory, a vendor file, or tcp://…#slide")
    parser.add_argument("--channel", type=int, metavar="N", help="only this one, from 0")
    about = "count all px of this stored level, 1 is exact (default: a quick look)"
    parser.add_argument("--level", type=int, metavar="L", help=about)
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    with open_slide(options.source) as slide:
        known = range(len(slide.channels))
        wanted = known if options.channel is None else [options.channel]
        if not set(wanted) <= set(known):
            raise NoSuchField(f"no channel {options.channel}: the slide has {len(known)}")
        channels, plain = slide.channels, slide.channels == RGB and slide.dtype.itemsize == 1
        found = slide_histograms(slide, options.level, wanted)
    rows = [_row(channels[number], counts, plain) for number, counts in zip(wanted, found, strict=True)]
    return Outcome(tuple(map(_line, rows)), {"channels": rows})


def _row(channel: Channel, found: Histogram, plain: bool) -> dict[str, Any]:
    low, high = (0, 255) if plain else found.window(channel.black_level)
    return {
        "name": channel.name,
        "px": found.total,
        "lowest": found.lowest,
        "highest": found.highest,
        "mean": round(found.mean, 3),
        "percentiles": {f"{percent:g}": found.percentile(percent) for percent in PERCENTILES},
        "window": {"low": low, "high": high},
        "bins": {"top": found.highest, "counts": found.bins(BINS, found.highest)},
    }


def _line(row: dict[str, Any]) -> str:
    spread = ", ".join(f"{percent} % {grey}" for percent, grey in row["percentiles"].items())
    return (
        f"{row['name']:>14}  {row['lowest']}…{row['highest']}, mean {row['mean']:g}, "
        f"show {row['window']['low']}…{row['window']['high']}; {spread}"
    )
