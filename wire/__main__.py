"""`python -m wire keys FILE`: a new CURVE key pair in FILE (keep it), its public half in FILE.pub."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from wire.security import KeyPair


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m wire", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("keys", help="make a key pair").add_argument("file", type=Path)
    options = parser.parse_args(argv)
    try:
        KeyPair.new().save(options.file)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
