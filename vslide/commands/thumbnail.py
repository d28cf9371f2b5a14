"""A small picture of the whole slide, as PNG or JPEG by the output's name."""

import argparse

from PIL import Image

from vslide.commands.outcome import Outcome, add_json, add_path
from vslide.display import as_rgb
from vslide.reader import open_slide


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", help="a slide, a journal directory or a vendor file")
    add_path(parser, "output", "the picture to write (.png, .jpg)")
    parser.add_argument("--size", type=int, default=512, help="longest side in px")
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    with open_slide(options.source) as slide:
        picture = as_rgb(slide.thumbnail(options.size), slide.channels)
    Image.fromarray(picture).save(options.output)
    height, width, _ = picture.shape
    return Outcome((f"{options.output}: {width} x {height} px",), {"width": width, "height": height})
