"""`manage passport BARCODE [--json]`: a slide's whole story."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import audit
from core.errors import NotFound
from lims.states import SYSTEM
from overview.passport import passport_of, slide_of


class Command(BaseCommand):
    help = "A slide's story: record, events, nights, attempts, files, de-identification, reading, releases."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("barcode")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            slide = slide_of(options["barcode"])
        except NotFound as error:
            raise CommandError(error.message) from error
        audit.record(actor=SYSTEM, action="passport.look", target=f"slide:{slide.barcode}", by="command line")
        story = passport_of(slide)
        if options["json"]:
            self.stdout.write(json.dumps(story, indent=1))
        else:
            self._tell(story)

    def _tell(self, story: dict[str, Any]) -> None:
        for title, part in story.items():
            self.stdout.write(self.style.MIGRATE_HEADING(title.replace("_", " ")))
            rows = part if isinstance(part, list) else [part]
            for row in rows:
                self.stdout.write(
                    "  " + " · ".join(f"{key} {_short(value)}" for key, value in row.items() if value)
                )
            if not rows:
                self.stdout.write("  –")


def _short(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
