"""Check every byte of slides against their checksums and manifests."""

import argparse
from pathlib import Path

from vslide.commands.outcome import Outcome, add_json
from vslide.manifest import manifest_path
from vslide.verify import judge, limit_memory


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("slide", type=Path, nargs="+", help="a virtual slide (.h5)")
    parser.add_argument("--manifest", type=Path, help="the manifest, if it is not beside the slide")
    parser.add_argument("--without-manifest", action="store_true", help="the file's own checksums are enough")
    parser.add_argument(
        "--draft", action="store_true", help="a slide being built: its manifest does not know the sha256 yet"
    )
    parser.add_argument("--memory-mib", type=int, help="limit this process's address space")
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    if options.memory_mib:
        limit_memory(options.memory_mib)
    faults: list[str] = []
    lines: list[str] = []
    for slide in options.slide:
        manifest = None if options.without_manifest else options.manifest or manifest_path(slide)
        verdict = judge(slide, manifest, draft=options.draft)
        lines += [f"{slide}: {fault}" for fault in verdict.faults] or [f"{slide}: sound"]
        faults += verdict.faults
    data = {"sound": not faults, "faults": faults, "sha256": verdict.sha256}
    return Outcome(tuple(lines), data, int(bool(faults)))
