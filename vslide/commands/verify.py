"""Check every byte of slides against their checksums and manifests."""

import argparse
import sys
from pathlib import Path

from vslide.checker import judge_order
from vslide.commands.outcome import Outcome, add_json
from vslide.errors import NotASlide
from vslide.manifest import manifest_path
from vslide.verify import judge, limit_memory


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("slide", type=Path, nargs="*", help="a virtual slide (.h5)")
    parser.add_argument("--manifest", type=Path, help="the manifest, if it is not beside the slide")
    parser.add_argument("--without-manifest", action="store_true", help="the file's own checksums are enough")
    parser.add_argument(
        "--told",
        action="store_true",
        help='how a builder asks: {"slide": …, "manifest": …, "draft": …} comes on standard input when it is '
        "time; a draft's manifest does not know its sha256 yet",
    )
    parser.add_argument("--memory-mib", type=int, help="limit this process's address space")
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    if options.memory_mib:
        limit_memory(options.memory_mib)
    if options.told:
        return _told(sys.stdin.read())
    if not options.slide:
        raise NotASlide("name at least one slide")
    faults: list[str] = []
    lines: list[str] = []
    sha256 = ""
    for slide in options.slide:
        manifest = None if options.without_manifest else options.manifest or manifest_path(slide)
        verdict = judge(slide, manifest)
        lines += [f"{slide}: {fault}" for fault in verdict.faults] or [f"{slide}: sound"]
        faults += verdict.faults
        sha256 = verdict.sha256
    return _outcome(tuple(lines), faults, sha256)


def _told(words: str) -> Outcome:
    if not words:  # the builder has gone, or needs no check
        return Outcome(())
    verdict = judge_order(words)
    return _outcome(tuple(verdict.faults), verdict.faults, verdict.sha256)


def _outcome(lines: tuple[str, ...], faults: list[str], sha256: str) -> Outcome:
    return Outcome(lines, {"sound": not faults, "faults": faults, "sha256": sha256}, int(bool(faults)))
