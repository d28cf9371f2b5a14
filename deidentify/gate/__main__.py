"""``python -m deidentify.gate FILE --known K.json [--certificate OUT.json]``; ``--known -`` reads standard
input."""

import argparse
import json
import sys
from pathlib import Path

from deidentify.gate.errors import GateError
from deidentify.gate.judge import Verdict, judge
from deidentify.gate.values import parse_known

EXIT = {"clean": 0, "found": 1, "unknown": 2}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m deidentify.gate", description="Search a finished file for known values."
    )
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--known",
        required=True,
        help="JSON file with names, identifiers, dates, other; - reads standard input",
    )
    parser.add_argument("--certificate", type=Path, help="write what was searched and found as JSON")
    options = parser.parse_args(arguments)
    try:
        text = sys.stdin.read() if options.known == "-" else Path(options.known).read_text(encoding="utf-8")
        verdict = judge(options.file, parse_known(text))
    except (GateError, OSError, UnicodeDecodeError) as error:
        verdict = Verdict(problem=str(error))
    for hit in verdict.hits:
        print(f"{hit.place}: {hit.value} ({hit.encoding}, at {hit.offset})")
    print(
        f"{verdict.state}: {len(verdict.hits)} hits in {verdict.streams} streams"
        f"{'; ' if verdict.problem else ''}{verdict.problem}"
    )
    if options.certificate is not None:
        options.certificate.write_text(json.dumps(verdict.certificate(), indent=2) + "\n", encoding="utf-8")
    return EXIT[verdict.state]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
