"""`./nocturne faults NAME [options] [--json FILE]`: campaigns that break things on purpose and count what
was lost.

Exit code 0 only when everything held, 1 when it did not, 69 for a campaign that is not built yet.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from tests.faults import calls, flips, kills, states
from tests.faults.tally import Tally

NOT_BUILT = ("nights", "soak", "canaries", "inputs")
UNAVAILABLE, USAGE = 69, 64


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="nocturne faults", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="NAME", dest="name")
    one = commands.add_parser("kills", help="kill -9 of slide writers while a scanner streams to them")
    _numbers(one, n=25, of="kills", fields=200)
    one.add_argument("--manager", action="store_true", help="kill the slide manager alone instead")
    two = commands.add_parser(
        "states", help="what a kill or a power cut at any moment would leave on the disk"
    )
    _numbers(two, n=100_000, of="states", fields=200)
    two.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    three = commands.add_parser("flips", help="one flipped bit in a journal, a slide, a manifest")
    _numbers(three, n=1500, of="flips in each of them")
    four = commands.add_parser("calls", help="each call to the disk fails once, in turn")
    four.add_argument("--seed", type=int, default=1, help="the pixels and the groups")
    for name in NOT_BUILT:
        commands.add_parser(name, help="not built yet")
    for command in commands.choices.values():
        command.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    return top


def _numbers(command: argparse.ArgumentParser, *, n: int, of: str, fields: int = 0) -> None:
    command.add_argument("--n", type=int, default=n, metavar="N", help=f"how many {of} (default {n})")
    command.add_argument("--seed", type=int, default=1, help="same seed, same campaign (default 1)")
    if fields:
        text = f"fields of view of each slide (default {fields})"
        command.add_argument("--fields", type=int, default=fields, help=text)


def main(argv: Sequence[str]) -> int:
    options = parser().parse_args(argv)
    if options.name in NOT_BUILT:
        built = "kills, states, flips, calls"
        _say(
            f"nocturne faults: the campaign '{options.name}' is not built yet; there is: {built}", sys.stderr
        )
        return UNAVAILABLE
    if any(number < 1 for name, number in vars(options).items() if name in ("n", "fields", "jobs")):
        _say("nocturne faults: --n, --fields and --jobs are 1 or more", sys.stderr)
        return USAGE
    tally = _campaign(options)
    for problem in tally.problems:
        _say(problem)
    if options.json:
        options.json.write_text(json.dumps(tally.as_json(), indent=1) + "\n", encoding="utf-8")
    _say(tally.sentence(options.name))
    return 0 if tally.held else 1


def _campaign(options: argparse.Namespace) -> Tally:
    n, seed = getattr(options, "n", 0), options.seed
    match options.name:
        case "kills":
            return kills.campaign(
                kills=n, seed=seed, fields=options.fields, manager=options.manager, say=_say
            )
        case "states":
            setting = states.Setting(options.fields)
            return states.campaign(n=n, seed=seed, setting=setting, jobs=options.jobs, say=_say)
        case "flips":
            return flips.campaign(n=n, seed=seed, say=_say)
    return calls.campaign(seed=seed, say=_say)


def _say(words: str, stream: TextIO | None = None) -> None:
    print(words, file=stream, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
