"""`manage release_push N --to s3://BUCKET/PREFIX`: a published release into an S3-compatible bucket."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.errors import NocturneError
from corpus.models import Release
from corpus.s3 import push_release
from corpus.s3.bucket import Bucket
from corpus.s3.pushing import place_of
from corpus.s3.signing import Keys


class Command(BaseCommand):
    help = (
        "Create every file of a release in a bucket; nothing that is there is written over. Safe to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", type=int)
        parser.add_argument("--to", required=True, metavar="s3://BUCKET/PREFIX")

    def handle(self, *args: Any, **options: Any) -> None:
        release = Release.objects.filter(number=options["number"]).first()
        if release is None:
            raise CommandError(f"There is no release {options['number']}.")
        if not (settings.S3_ENDPOINT and settings.S3_ACCESS_KEY_ID and settings.S3_SECRET_ACCESS_KEY):
            raise CommandError("Set S3_ENDPOINT, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
        keys = Keys(settings.S3_ACCESS_KEY_ID, settings.S3_SECRET_ACCESS_KEY, settings.S3_SESSION_TOKEN)
        try:
            name, prefix = place_of(options["to"])
            bucket = Bucket(settings.S3_ENDPOINT, name, keys, settings.S3_REGION)
            created, there = push_release(release, bucket, prefix, told=self._tell)
        except NocturneError as error:
            again = " What is there stays: say it again." if error.retryable else ""
            raise CommandError(f"{error.message}{again}") from error
        self.stdout.write(f"{release}: {created} files created, {there} were there.")

    def _tell(self, done: int, of: int, created: bool) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{done} of {of}", ending="\n" if done == of else "")
