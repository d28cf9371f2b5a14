"""`manage verify_release N`: is every file of a release still as it was published? Exit 1 if not."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from corpus import bag
from corpus.models import Release


class Command(BaseCommand):
    help = "Check every file of a release against its manifest, and the manifest against the record."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", type=int, metavar="N")

    def handle(self, *args: Any, **options: Any) -> None:
        release = Release.objects.filter(number=options["number"]).first()
        if release is None:
            raise CommandError(f"There is no release {options['number']}.")
        if release.state != Release.State.PUBLISHED:
            raise CommandError(f"{release} is not published: {release.get_state_display().lower()}.")
        wrong = bag.verify(release.folder, release.manifest_sha256)
        for problem in wrong:
            self.stderr.write(str(problem))
        if wrong:
            raise CommandError(f"{release}: {len(wrong)} files are not as they were published.")
        self.stdout.write(f"{release}: {release.items.count()} files, every one as it was published.")
