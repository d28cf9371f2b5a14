"""`manage convert_annotations IN OUT --to imagescope|geojson [--mpp X]`: one file of annotations into
another format.
"""

from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.exchange import FORMATS, ExchangeError, read, write


class Command(BaseCommand):
    help = "Convert annotations; says what the other format cannot carry."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, metavar="IN")
        parser.add_argument("target", type=Path, metavar="OUT")
        parser.add_argument("--to", required=True, choices=FORMATS, dest="format")
        parser.add_argument(
            "--mpp", type=float, help="micrometres per pixel of level 1, where the file does not say"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        mpp = options["mpp"]
        if mpp is not None and not 0 < mpp < 1000:
            raise CommandError("--mpp is micrometres per pixel: a number above 0.")
        try:
            document = read(options["source"].read_bytes())
            document = document if mpp is None else replace(document, mpp=mpp)
            written = write(document, options["format"])
            options["target"].write_bytes(written.content)
        except (ExchangeError, OSError) as error:
            raise CommandError(str(error)) from error
        for note in written.notes:
            self.stderr.write(f"note: {note}")
        self.stdout.write(f"{len(document.shapes)} annotations written to {options['target']}")
