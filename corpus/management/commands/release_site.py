"""`manage release_site N [--to FOLDER | --check [FOLDER] | --refresh]`: a release as pages that any web
server shows.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from core.errors import NocturneError
from corpus.models import Release
from corpus.services import keep_site, refresh_sites
from corpus.site import behind

EVERY: Final = object()


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
            nargs="?",
            const=EVERY,
            metavar="FOLDER",
            help="write nothing: is that site as the release is now? Every known one unless given",
        )
        parser.add_argument(
            "--refresh", action="store_true", help="write every known site again that is behind"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        release = Release.objects.filter(number=options["number"]).first()
        if release is None:
            raise CommandError(f"There is no release {options['number']}.")
        if options["check"]:
            known = [site.folder for site in release.sites.all()]
            self._check(release, known if options["check"] is EVERY else [options["check"]])
            return
        if options["refresh"]:
            self._refresh(release)
            return
        to = options["to"] or release.folder.with_name(f"{release.number}-site")
        try:
            shown = keep_site(release=release, to=to)
        except NocturneError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{release}: a site of {shown} slides in {to}.")

    def _refresh(self, release: Release) -> None:
        try:
            written = refresh_sites(release=release)
        except NocturneError as error:
            raise CommandError(error.message) from error
        if not written:
            self.stdout.write(f"{release}: no known site of it was behind.")
        for site in written:
            self.stdout.write(f"{release}: the site in {site} is written again.")
        for site in release.sites.exclude(problem=""):
            raise CommandError(f"The site in {site} could not be written again: {site.problem}")

    def _check(self, release: Release, sites: list[Path]) -> None:
        if not sites:
            self.stdout.write(f"{release}: no site of it is known.")
        wrong = []
        for site in sites:
            try:
                lack = behind(release, site)
            except NocturneError as error:
                lack = error.message
            if lack:
                wrong.append(f"{lack} Write it again: release_site {release.number} --to {site}")
            else:
                self.stdout.write(f"{release}: the site in {site} is as the release is now.")
        if wrong:
            raise CommandError("\n".join(wrong))
