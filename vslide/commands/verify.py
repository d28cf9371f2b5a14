"""Check every byte of slides against their checksums and manifests."""

import argparse
from pathlib import Path

from vslide.commands.outcome import Outcome, add_json
from vslide.verify import limit_memory, verify_slide


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("slide", type=Path, nargs="+", help="a virtual slide (.h5)")
    parser.add_argument("--manifest", type=Path, help="the manifest, if it is not beside the slide")
    parser.add_argument("--without-manifest", action="store_true", help="the file's own checksums are enough")
    parser.add_argument("--memory-mib", type=int, help="limit this process's address space")
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    if options.memory_mib:
        limit_memory(options.memory_mib)
    faults: list[str] = []
    lines: list[str] = []
    for slide in options.slide:
        found = verify_slide(slide, options.manifest, with_manifest=not options.without_manifest)
        lines += [f"{slide}: {fault}" for fault in found] or [f"{slide}: sound"]
        faults += found
    return Outcome(tuple(lines), {"sound": not faults, "faults": faults}, int(bool(faults)))
