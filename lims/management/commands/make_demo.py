"""`manage make_demo`: fictitious patients, cases, slides and reports."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import NocturneError
from lims.demo import make_demo


class Command(BaseCommand):
    help = "Register fictitious slides with patients, cases and reports."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--slides", type=int, default=40)
        parser.add_argument("--seed", type=int, default=7)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            slides = make_demo(slides=options["slides"], seed=options["seed"], actor="demo")
        except NocturneError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{len(slides)} slides are registered.")
