"""`./nocturne faults NAME [options] [--json FILE]`: campaigns that break things on purpose and count what
was lost.

Exit code 0 only when everything held, 1 when it did not, 64 for options that make no sense.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from tests.faults import calls, canaries, cleaning, flips, inputs, kills, nights, soak, states
from tests.faults.tally import Tally

USAGE = 64
COUNTS = ("n", "fields", "jobs", "seeds", "slides", "scanners")


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
    five = commands.add_parser("nights", help="whole nights in virtual time, everything breaking by a seed")
    five.add_argument("--seeds", type=int, default=100, metavar="N", help="how many nights (default 100)")
    five.add_argument(
        "--first", type=int, default=1, metavar="SEED", help="the first of the seeds (default 1)"
    )
    five.add_argument("--slides", type=int, default=400, help="glasses of each night (default 400)")
    five.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    five.add_argument(
        "--trace", action="store_true", help="tell the story of the first seed's night, no other"
    )
    _add_soak(commands)
    _add_outside(commands)
    for command in commands.choices.values():
        command.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    return top


def _add_outside(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    seven = commands.add_parser("canaries", help="a person planted in every place of every kind of file")
    seven.add_argument("--seed", type=int, default=1, help="which places, when not all (default 1)")
    seven.add_argument("--places", type=int, default=0, metavar="N", help="so many of them (default all)")
    seven.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    eight = commands.add_parser("inputs", help="broken and hostile files from outside")
    _numbers(eight, n=400, of="files for each reader")
    eight.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    nine = commands.add_parser("cleaning", help="kills, a full disk, another input while files are cleaned")
    _numbers(nine, n=100, of="strikes")


def _add_soak(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    six = commands.add_parser(
        "soak", help="a night of the real processes, all of them killed again and again"
    )
    six.add_argument("--slides", type=int, default=400, help="glasses, dealt to the scanners (default 400)")
    six.add_argument("--seed", type=int, default=1, help="what is broken when (default 1)")
    six.add_argument("--scanners", type=int, default=2, metavar="N", help="simulated scanners (default 2)")
    six.add_argument(
        "--watchers", type=int, default=20, metavar="N", help="browsers at the boards (default 20)"
    )
    six.add_argument(
        "--every", type=float, default=10.0, metavar="S", help="between two faults (default 10 s)"
    )
    six.add_argument("--postgres", action="store_true", help="on PostgreSQL, which is restarted")


def _numbers(command: argparse.ArgumentParser, *, n: int, of: str, fields: int = 0) -> None:
    command.add_argument("--n", type=int, default=n, metavar="N", help=f"how many {of} (default {n})")
    command.add_argument("--seed", type=int, default=1, help="same seed, same campaign (default 1)")
    if fields:
        text = f"fields of view of each slide (default {fields})"
        command.add_argument("--fields", type=int, default=fields, help=text)


def main(argv: Sequence[str]) -> int:
    options = parser().parse_args(argv)
    if any(number < 1 for name, number in vars(options).items() if name in COUNTS):
        _say(
            "nocturne faults: --n, --fields, --seeds, --slides, --scanners and --jobs are 1 or more",
            sys.stderr,
        )
        return USAGE
    if getattr(options, "trace", False):
        return nights.trace(options.first, options.slides)
    tally = _campaign(options)
    for problem in tally.problems:
        _say(problem)
    if options.json:
        options.json.write_text(json.dumps(tally.as_json(), indent=1) + "\n", encoding="utf-8")
    _say(tally.sentence(options.name))
    return 0 if tally.held else 1


def _campaign(options: argparse.Namespace) -> Tally:
    n, seed = getattr(options, "n", 0), getattr(options, "seed", 0)
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
        case "nights":
            which = nights.Nights(options.first, options.seeds, options.slides, options.jobs)
            return nights.campaign(which, say=_say)
        case "soak":
            night = soak.Soak(
                options.slides, seed, options.scanners, options.watchers, options.postgres, options.every
            )
            return soak.campaign(night, say=_say)
        case "canaries":
            return canaries.campaign(seed=seed, places=options.places, jobs=options.jobs, say=_say)
        case "cleaning":
            return cleaning.campaign(n=n, seed=seed, say=_say)
        case "inputs":
            return inputs.campaign(n=n, seed=seed, jobs=options.jobs, say=_say)
    return calls.campaign(seed=seed, say=_say)


def _say(words: str, stream: TextIO | None = None) -> None:
    print(words, file=stream, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
