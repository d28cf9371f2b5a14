"""Open a sealed slide: a new file of the same scan in the clear."""

import argparse

from vslide.commands.outcome import Outcome, add_json, add_path
from vslide.reseal import reseal


def configure(parser: argparse.ArgumentParser) -> None:
    add_path(parser, "slide", "the sealed slide (.h5)")
    add_path(parser, "output", "directory for the new slide")
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    made = reseal(options.slide, options.output, "")
    return Outcome((f"{made.path}: in the clear",), {"path": str(made.path)})
