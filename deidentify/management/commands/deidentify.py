"""``manage deidentify IN OUT --known FILE.json [--report FILE.json]``: one file made clean, or no file at
all."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from deidentify.errors import DeidentifyError, GateRefused
from deidentify.files import deidentify_file
from deidentify.known import Known
from deidentify.reports.writing import LEAST_SECRET, Policy


class Command(BaseCommand):
    help = (
        "De-identify one file (.svs .tif .dcm .h5 .docx .pdf .rtf .hl7 .txt). OUT exists only when the gate "
        "passed it. A report of any kind is written as .docx or .txt, as OUT's suffix says."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("input", metavar="IN", type=Path)
        parser.add_argument("output", metavar="OUT", type=Path)
        parser.add_argument(
            "--known", required=True, type=Path, help="JSON with names, identifiers, dates, other"
        )
        parser.add_argument(
            "--secret",
            type=Path,
            help="a file of 16 bytes or more: with it the files of one DICOM series stay one",
        )
        parser.add_argument("--report", type=Path, help="write what was done and the certificate as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        report: Path | None = options["report"]
        try:
            policy = Policy(secret=_secret(options["secret"]))
            outcome = deidentify_file(
                options["input"], options["output"], Known.read(options["known"]), policy
            )
        except DeidentifyError as error:
            certificate = error.certificate if isinstance(error, GateRefused) else {}
            _write(
                report,
                {"passed": False, "code": error.code, "problem": str(error), "certificate": certificate},
            )
            raise CommandError(f"{error.code}: {error}") from error
        _write(report, {"passed": True, **outcome.report()})
        self.stdout.write(f"{outcome.format}: {outcome.bytes} bytes in {outcome.seconds} s, passed the gate")


def _secret(path: Path | None) -> bytes:
    if path is None:
        return b""
    try:
        secret = path.read_bytes()
    except OSError as error:
        raise CommandError(f"The secret cannot be read: {error.strerror}.") from error
    if len(secret) < LEAST_SECRET:
        raise CommandError(f"A secret has {LEAST_SECRET} bytes or more.")
    return secret


def _write(path: Path | None, values: dict[str, Any]) -> None:
    if path is not None:
        path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
