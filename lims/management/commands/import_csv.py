"""`manage import_csv FILE`: the rows of a slide file into the record; refused rows are told and, where
asked, written.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import NocturneError
from lims import imports, services


class Command(BaseCommand):
    help = "Register the slides of a CSV file: every good row or, when one turns bad on the way, none."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--refused", type=Path, help="write the refused rows with their reasons here")
        parser.add_argument("--dry-run", action="store_true", help="say the verdicts and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        try:
            sheet = imports.judged(imports.read_sheet(file.read_bytes()))
            entries = [row.entry for row in sheet.good if row.entry]
            if not options["dry_run"]:
                services.register_all(entries=entries, source=file.name, actor="import_csv")
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        except NocturneError as error:
            raise CommandError(error.message) from error
        for row in sheet.refused:
            self.stderr.write(f"line {row.line}: {'; '.join(row.problems)}")
        if options["refused"]:
            rows = [[row.line, "; ".join(row.problems), *row.cells] for row in sheet.refused]
            options["refused"].write_text(
                imports.to_csv(["line", "why", *sheet.header], rows), encoding="utf-8"
            )
        verb = "would be registered" if options["dry_run"] else "registered"
        self.stdout.write(f"{len(entries)} slides {verb}, {len(sheet.refused)} rows refused.")
