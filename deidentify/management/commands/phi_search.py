"""``manage phi_search FILE --known FILE.json``: the independent search; exit 1 on any hit, 2 when it cannot
judge."""

import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Search one file for known values, with place and encoding of each hit, by the gate's own program."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--known", required=True, type=Path)
        parser.add_argument("--certificate", type=Path)
        parser.add_argument("--ocr", choices=("auto", "required", "off"), default="auto")

    def handle(self, *args: Any, **options: Any) -> None:
        command = [
            sys.executable,
            "-m",
            "deidentify.gate",
            str(options["file"].resolve()),
            "--known",
            str(options["known"].resolve()),
            "--ocr",
            options["ocr"],
        ]
        if options["certificate"]:
            command += ["--certificate", str(options["certificate"].resolve())]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=Path(__file__).resolve().parents[3]
        )
        self.stdout.write(done.stdout, ending="")
        self.stderr.write(done.stderr, ending="")
        if done.returncode:
            sys.exit(done.returncode)
