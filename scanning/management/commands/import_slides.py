"""`manage import_slides FOLDER`: vendor files into the laboratory, by the rules of the watched folder."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import NocturneError
from scanning.services import import_folder


class Command(BaseCommand):
    help = "Bring every complete whole-slide file of a folder into the record; the files themselves stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--settle", type=float, default=2.0, help="how long a file must have stood still (s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = import_folder(folder=options["folder"], settle_s=options["settle"])
        except NocturneError as error:
            raise CommandError(error.message) from error
        for slide in found.matched:
            self.stdout.write(f"in the record   {slide.barcode}")
        for name in found.copies:
            self.stdout.write(f"a copy          {name}  (the record has this very file)")
        for name in found.unmatched:
            self.stdout.write(f"unmatched       {name}  (match it by hand on the page “Imported files”)")
        for name in found.unfinished:
            self.stdout.write(f"not finished    {name}  (left alone; run this again later)")
        for name, reason in found.refused:
            self.stderr.write(f"refused         {name}: {reason}")
