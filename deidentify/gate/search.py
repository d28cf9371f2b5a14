"""The process that opens the file: ``python -m deidentify.gate`` starts it with limits and waits for it."""

import json
import logging
import sys
from pathlib import Path

from deidentify.gate.judge import judge
from deidentify.gate.limits import limit
from deidentify.gate.options import parser
from deidentify.gate.values import parse_known
from deidentify.gate.verdict import EXIT, Verdict


def main(arguments: list[str]) -> int:
    options = parser().parse_args(arguments)
    logging.disable(logging.CRITICAL)  # libraries quote what they stumble over, and it may be a name
    try:
        text = sys.stdin.read() if options.known == "-" else Path(options.known).read_text(encoding="utf-8")
        known = parse_known(text)
        limit(options.memory, options.seconds)
        verdict = judge(options.file, known, ocr=options.ocr)
    except Exception as error:  # noqa: BLE001  the process's main loop: whatever a library raises is no verdict
        verdict = Verdict(problem=str(error) or type(error).__name__)
    verdict.limits = {"memory_mib": options.memory, "cpu_s": options.seconds}
    for hit in verdict.hits:
        _say(f"{hit.place}: {hit.value} ({hit.encoding}, at {hit.offset})")
    problem = f"; {verdict.problem}" if verdict.problem else ""
    _say(f"{verdict.state}: {len(verdict.hits)} hits in {verdict.streams} streams{problem}")
    if options.certificate is not None:
        options.certificate.write_text(json.dumps(verdict.certificate(), indent=2) + "\n", encoding="utf-8")
    return EXIT[verdict.state]


def _say(words: str) -> None:
    # A place may carry letters that the terminal cannot show.
    sys.stdout.write(words.encode("ascii", "backslashreplace").decode() + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
