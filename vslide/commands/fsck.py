"""Check a whole store of slides and journals, and put right what a crash left."""

import argparse

from vslide.commands.outcome import Outcome, add_json, add_path
from vslide.fsck import fsck


def configure(parser: argparse.ArgumentParser) -> None:
    add_path(parser, "root", "a directory of slides and journals, or one of them")
    parser.add_argument(
        "--repair", action="store_true", help="cut torn tails, remove drafts of dead processes"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    found = list(fsck(options.root, repair=options.repair))
    faults = [f"{one.path}: {one.text}" for one in found if one.fault]
    lines = [f"{'FAULT' if one.fault else 'ok   '} {one.path}: {one.text}" for one in found]
    return Outcome(
        (*lines, f"{len(faults)} faults"), {"faults": faults, "checked": len(found)}, int(bool(faults))
    )
