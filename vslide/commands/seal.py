"""Seal a finished slide at rest: a new file of the same scan."""

import argparse

from vslide.commands.outcome import Outcome, add_json, add_path
from vslide.keys import ENVIRONMENT
from vslide.reseal import reseal


def configure(parser: argparse.ArgumentParser) -> None:
    add_path(parser, "slide", "the slide (.h5)")
    add_path(parser, "output", "directory for the new slide")
    parser.add_argument(
        "--key", required=True, help=f"id of a key in the directory that ${ENVIRONMENT} names"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    made = reseal(options.slide, options.output, options.key)
    return Outcome((f"{made.path}: sealed with {options.key}",), {"path": str(made.path)})
