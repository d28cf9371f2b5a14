"""What a slide is: size, levels, channels, where it came from."""

import argparse

from vslide.commands.outcome import Outcome, add_json
from vslide.reader import open_slide


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", help="a slide, a journal directory, a vendor file, or tcp://…#slide")
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    with open_slide(options.source) as slide:
        about = slide.info()
    lines = [f"{name:>14}  {value}" for name, value in about.items() if name != "channels"]
    lines += [f"{'channel':>14}  {channel['name']} {channel['colour']}" for channel in about["channels"]]
    return Outcome(tuple(lines), about)
