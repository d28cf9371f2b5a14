"""``manage vault_export FILE``: every key that was issued, sealed, in one new file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from deidentify.vault import keeping
from deidentify.vault.errors import VaultError


class Command(BaseCommand):
    help = "Write every key that was issued, sealed as it is, to a new file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = keeping.export(to=options["file"])
        except (VaultError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count} keys are in {options['file']}; only the vault's key file opens it.")
