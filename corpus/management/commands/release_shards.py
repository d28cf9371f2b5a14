"""`manage release_shards N --to FOLDER [--size MB] [--seed TEXT]`: a release as tar files for training."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import NocturneError
from corpus.models import Release
from corpus.shards import write_shards


class Command(BaseCommand):
    help = "Write a published release as WebDataset shards, parted by patient into train, val and test."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", type=int)
        parser.add_argument(
            "--to", type=Path, metavar="FOLDER", required=True, help="a folder that is not there"
        )
        parser.add_argument("--size", type=int, default=1000, metavar="MB", help="of a shard, about (1000)")
        parser.add_argument("--seed", default="nocturne", help="decides which patients are in which split")

    def handle(self, *args: Any, **options: Any) -> None:
        release = Release.objects.filter(number=options["number"]).first()
        if release is None:
            raise CommandError(f"There is no release {options['number']}.")
        try:
            count = write_shards(release, options["to"], megabytes=options["size"], seed=options["seed"])
        except NocturneError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{release}: {count} samples in {options['to']}.")
