"""`manage life_of_a_slide [--check]`: writes docs/life-of-a-slide.md from the table of states."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from lims.life_page import page


class Command(BaseCommand):
    help = "Write docs/life-of-a-slide.md from lims/states.py."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="only say whether the page is current")

    def handle(self, *args: Any, **options: Any) -> None:
        file = Path(settings.BASE_DIR) / "docs" / "life-of-a-slide.md"
        if not options["check"]:
            file.write_text(page(), encoding="utf-8")
            self.stdout.write(f"Wrote {file}")
        elif not file.exists() or file.read_text(encoding="utf-8") != page():
            raise CommandError("docs/life-of-a-slide.md is old: run ./nocturne manage life_of_a_slide")
