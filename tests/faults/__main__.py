"""`./nocturne faults NAME [options] [--json FILE]`: campaigns that break things on purpose and count what
was lost.

Exit code 0 only when everything held, 1 when it did not, 69 for a campaign that is not built yet.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.faults.kills import campaign
from tests.faults.tally import Tally

NOT_BUILT = ("states", "flips", "nights", "soak", "canaries", "inputs")
UNAVAILABLE = 69


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="nocturne faults", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="NAME", dest="name")
    kills = commands.add_parser("kills", help="kill -9 of slide writers while a scanner streams to them")
    kills.add_argument("--n", type=int, default=25, metavar="N", help="how many kills (default 25)")
    kills.add_argument("--seed", type=int, default=1, help="the moments of the kills")
    kills.add_argument("--fields", type=int, default=200, help="fields of view of each slide")
    kills.add_argument("--manager", action="store_true", help="kill the slide manager alone instead")
    for name in NOT_BUILT:
        commands.add_parser(name, help="not built yet")
    for command in commands.choices.values():
        command.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    return top


def main(argv: Sequence[str]) -> int:
    options = parser().parse_args(argv)
    if options.name in NOT_BUILT:
        print(
            f"nocturne faults: the campaign '{options.name}' is not built yet; there is: kills",
            file=sys.stderr,
        )
        return UNAVAILABLE
    if options.n < 1 or options.fields < 1:
        print("nocturne faults: --n and --fields are 1 or more", file=sys.stderr)
        return 64
    tally: Tally = campaign(
        kills=options.n, seed=options.seed, fields=options.fields, manager=options.manager, say=_say
    )
    if options.json:
        options.json.write_text(json.dumps(tally.as_json(), indent=1) + "\n", encoding="utf-8")
    print(tally.sentence("kills"), flush=True)
    return 0 if tally.held else 1


def _say(words: str) -> None:
    print(words, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
