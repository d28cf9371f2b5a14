"""``python -m deidentify.gate FILE --known K.json [--certificate OUT.json]``; ``--known -`` reads standard
input.

This process opens nothing of the file. It starts the search in another one, with limits of memory and time,
and speaks for it when it dies: a file that kills its reader cannot be judged.
"""

import json
import subprocess
import sys

from deidentify.gate.options import parser
from deidentify.gate.verdict import EXIT, Verdict


def main(arguments: list[str]) -> int:
    options = parser().parse_args(arguments)
    command = [sys.executable, "-m", "deidentify.gate.search", *arguments]
    try:
        # Waiting on a disk is no work: the wall clock is wider than the processor's.
        code = subprocess.run(command, check=False, timeout=4 * options.seconds + 60).returncode
    except subprocess.TimeoutExpired:
        code = -14
    if code in EXIT.values():
        return code
    verdict = Verdict(problem=f"the search died ({code}): the file cannot be opened safely")
    print(f"unknown: 0 hits in 0 streams; {verdict.problem}")
    if options.certificate is not None:
        options.certificate.write_text(json.dumps(verdict.certificate(), indent=2) + "\n", encoding="utf-8")
    return EXIT["unknown"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
