"""`manage diff_releases A B [--json]`: in what two published releases differ, file by file."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import NocturneError
from corpus import queries
from corpus.models import Release


class Command(BaseCommand):
    help = "Say in what two published releases differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("numbers", type=int, nargs=2, metavar="N")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            one, other = (Release.objects.get(number=number) for number in options["numbers"])
            found = queries.difference(one, other)
        except Release.DoesNotExist as error:
            raise CommandError("There is no such release.") from error
        except NocturneError as error:
            raise CommandError(error.message) from error
        if options["json"]:
            self.stdout.write(json.dumps(found.as_json(), indent=1))
            return
        signs = (("+", found.added), ("-", found.removed), ("~", found.changed), ("x", found.withdrawn))
        for sign, paths in signs:
            for path in paths:
                self.stdout.write(f"{sign} {path}")
        for before, after in found.moved:
            self.stdout.write(f"> {before} -> {after}")
        self.stdout.write(
            f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed, "
            f"{len(found.moved)} moved, {len(found.withdrawn)} withdrawn, {found.same} the same"
        )
