"""`manage withdraw NAME --reason WHY --as PERSON`; with `--drill` it only says what there is."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import NocturneError
from core.models import User
from corpus import services
from corpus.derivatives import derivatives, named


class Command(BaseCommand):
    help = "Take a patient (MRN), a case (accession) or a slide (barcode) out of every release."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--drill", action="store_true", help="only list everything that was made of it")
        parser.add_argument("--reason", default="")
        parser.add_argument("--as", dest="person", default="", help="who withdraws: a steward's user name")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        slides = list(named(options["name"]))
        found = derivatives(slides)
        for one in found:
            state = "there" if one.there else "gone"
            self.stdout.write(f"{one.slide}  {one.kind:<22}  {state:<5}  {one.place}")
        there, seconds = sum(one.there for one in found), time.monotonic() - began
        self.stdout.write(f"{len(slides)} slides, {len(found)} derivatives, {there} there; {seconds:.1f} s")
        if options["drill"]:
            return
        try:
            actor = User.objects.get(username=options["person"])
            buried = services.withdraw(slides=slides, reason=options["reason"], actor=actor)
            revised = services.bury(slides=slides)
        except User.DoesNotExist as error:
            raise CommandError("Say who withdraws: --as PERSON.") from error
        except NocturneError as error:
            raise CommandError(error.message) from error
        names = ", ".join(str(release) for release in revised) or "none"
        self.stdout.write(f"{buried} files withdrawn; revised: {names}")
