"""Make and list the keys of sealed slides."""

import argparse
from pathlib import Path

from vslide.commands.outcome import Outcome, add_json
from vslide.errors import KeyMissing, KeyRefused
from vslide.keys import ENVIRONMENT, KeyRing


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("new", "list"))
    parser.add_argument("--keys", type=Path, help=f"the directory of keys (default: ${ENVIRONMENT})")
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    ring = KeyRing(options.keys) if options.keys else KeyRing.from_environment()
    if ring is None:
        raise KeyMissing(f"no directory of keys: give --keys or set {ENVIRONMENT}")
    if options.action == "new":
        made = ring.create()
        return Outcome((f"{made}: keep a copy where the slides are not",), {"key_id": made})
    faults = {key_id: _fault(ring, key_id) for key_id in ring.ids()}
    lines = tuple(f"{key_id}  {fault or 'good'}" for key_id, fault in faults.items())
    return Outcome(lines or ("no keys",), {"keys": faults}, int(any(faults.values())))


def _fault(ring: KeyRing, key_id: str) -> str:
    try:
        ring.get(key_id)
    except KeyRefused as error:
        return str(error)
    return ""
