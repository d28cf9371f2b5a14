"""Examine an untrusted file in a limited process before anything reads it."""

import argparse
import resource

from vslide.commands.outcome import Outcome, add_json, add_path
from vslide.examine import examine
from vslide.inspect import MEMORY_MIB, inspect_file
from vslide.verify import limit_memory

_CPU_SECONDS = 60


def configure(parser: argparse.ArgumentParser) -> None:
    add_path(parser, "file", "an HDF5, TIFF or DICOM file")
    parser.add_argument("--memory-mib", type=int, default=MEMORY_MIB)
    parser.add_argument(
        "--here", action="store_true", help="look in this very process (what the limited process does)"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    if not options.here:
        found = inspect_file(options.file, memory_mib=options.memory_mib)
        return Outcome(
            (f"{options.file}: {found.kind}, nothing against it",), {"kind": found.kind, "reasons": []}
        )
    limit_memory(options.memory_mib)
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kind, reasons = examine(options.file)
    lines = tuple(f"{options.file}: {reason}" for reason in reasons)
    return Outcome(lines, {"kind": kind, "reasons": reasons}, int(bool(reasons)))
