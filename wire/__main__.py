"""`python -m wire keys FILE`: a new CURVE key pair in FILE (keep it), its public half in FILE.pub.
`python -m wire keys --check FILE|FOLDER …`: how old keys are; exit 1 when one should be renewed.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from wire.errors import Insecure
from wire.keys import OLD_AFTER_DAYS, KeyPair, ages


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m wire", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    keys = commands.add_parser("keys", help="make a key pair, or look how old keys are")
    keys.add_argument("files", type=Path, nargs="+", metavar="FILE")
    keys.add_argument("--check", action="store_true", help="look at these files (of folders: *.pub)")
    keys.add_argument(
        "--days", type=int, default=OLD_AFTER_DAYS, help="old from this age on (default: %(default)s)"
    )
    keys.add_argument("--json", action="store_true", help="what --check found, for programs")
    options = parser.parse_args(argv)
    try:
        return check(options.files, options.days, options.json) if options.check else make(options.files)
    except (Insecure, OSError) as error:
        print(error, file=sys.stderr)
        return 2 if options.check else 1


def make(files: Sequence[Path]) -> int:
    for file in files:
        KeyPair.new().save(file)
    return 0


def check(places: Sequence[Path], days: int, as_json: bool) -> int:
    found = ages(places)
    if as_json:
        rows = [
            {"file": str(age.file), "made": str(age.made or ""), "days": age.days, "old": age.is_old(days)}
            for age in found
        ]
        print(json.dumps(rows, indent=2))
    else:
        for age in found:
            said = "no date" if age.days is None else f"{age.days} days"
            print(f"{'OLD' if age.is_old(days) else 'ok ':3} {said:>9}  {age.file}")
    return int(any(age.is_old(days) for age in found))


if __name__ == "__main__":
    sys.exit(main())
