"""A reader in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from deidentify.errors import BrokenInput, DeidentifyError, LockedInput, OcrMissing, UnsupportedFormat
from deidentify.known import Known
from deidentify.reports.docx import Line
from deidentify.reports.reading.limits import CPU_S
from deidentify.reports.reading.model import Reading

TIMEOUT_S: Final = 2.0 * CPU_S
_CHECKOUT: Final = Path(__file__).resolve().parents[3]
_ERRORS: Final[dict[str, type[DeidentifyError]]] = {
    error.code: error for error in (BrokenInput, UnsupportedFormat, LockedInput, OcrMissing)
}


def read_apart(source: Path, kind: str, *, ocr: bool) -> Reading:
    """What `python -m deidentify.reports.reading` says of the file. Raises what its readers raise, and
    BrokenInput for a file that killed them or took more than they may have.
    """
    command = [sys.executable, "-m", "deidentify.reports.reading", str(source.resolve()), kind]
    command += [] if ocr else ["--no-ocr"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False, cwd=_CHECKOUT)
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise BrokenInput("the report took its reader longer than it may have") from error
    except (OSError, ValueError) as error:
        raise BrokenInput("the report ended its reader: it cannot be opened safely") from error
    return from_answer(answer)


def as_answer(reading: Reading) -> dict[str, Any]:
    """A reading in the words that JSON has."""
    said = {kind: list(getattr(reading.said, kind)) for kind in ("names", "identifiers", "dates", "other")}
    lines = [[list(line.cells), line.row, line.style] for line in reading.lines]
    return {"lines": lines, "said": said, "work": reading.work}


def from_answer(answer: dict[str, Any]) -> Reading:
    """The reading, or the error that the answer tells of."""
    if "problem" in answer:
        raise _ERRORS.get(answer["code"], BrokenInput)(answer["problem"])
    lines = tuple(Line(tuple(cells), row, style) for cells, row, style in answer["lines"])
    said = Known(**{kind: tuple(values) for kind, values in answer["said"].items()})
    return Reading(lines, said, answer["work"])
