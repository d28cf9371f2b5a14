"""`manage release_site N [--to FOLDER] [--check FOLDER]`: a release as pages that any web server shows."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import NocturneError
from corpus.models import Release
from corpus.site import behind, write_site


class Command(BaseCommand):
    help = "Write a published release as a static site: pages, lists and a search, with no server code."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", type=int, metavar="N")
        parser.add_argument(
            "--to", type=Path, metavar="FOLDER", help="N-site beside the release unless given"
        )

        parser.add_argument(
            "--check",
            type=Path,
            metavar="FOLDER",
            help="write nothing: is that site as the release is now?",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        release = Release.objects.filter(number=options["number"]).first()
        if release is None:
            raise CommandError(f"There is no release {options['number']}.")
        if options["check"]:
            self._check(release, options["check"])
            return
        to = options["to"] or release.folder.with_name(f"{release.number}-site")
        try:
            shown = write_site(release, to)
        except NocturneError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{release}: a site of {shown} slides in {to}.")

    def _check(self, release: Release, site: Path) -> None:
        try:
            lack = behind(release, site)
        except NocturneError as error:
            raise CommandError(error.message) from error
        if lack:
            raise CommandError(f"{lack} Write it again: release_site {release.number} --to {site}")
        self.stdout.write(f"{release}: the site in {site} is as the release is now.")
