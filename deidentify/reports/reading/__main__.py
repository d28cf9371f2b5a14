"""``python -m deidentify.reports.reading FILE KIND [--no-ocr]``: the lines of a report as JSON on standard
output. It limits itself before it opens anything.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from deidentify.errors import BrokenInput, DeidentifyError
from deidentify.reports.reading.apart import as_answer
from deidentify.reports.reading.hl7 import MOST_HL7, read_hl7
from deidentify.reports.reading.limits import limit
from deidentify.reports.reading.model import Reading
from deidentify.reports.reading.pdf import read_pdf
from deidentify.reports.reading.rtf import read_rtf

READERS: dict[str, Callable[[bytes, bool], Reading]] = {
    "pdf": lambda data, ocr: read_pdf(data, ocr=ocr),
    "hl7": lambda data, ocr: read_hl7(data, ocr=ocr),
    "rtf": lambda data, ocr: read_rtf(data),
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m deidentify.reports.reading", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("kind", choices=sorted(READERS))
    parser.add_argument("--no-ocr", action="store_true", help="a scanned page only says that it is one")
    options = parser.parse_args(arguments)
    limit()
    try:
        answer = as_answer(READERS[options.kind](_bytes(options.file), not options.no_ocr))
    except DeidentifyError as error:
        answer = {"code": error.code, "problem": str(error)}
    except (MemoryError, RecursionError):
        answer = {
            "code": BrokenInput.code,
            "problem": "the report needs more memory than its reader may have",
        }
    print(json.dumps(answer))
    return 0


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_HL7 + 1)
    except OSError as error:
        raise BrokenInput(f"the report cannot be read: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
