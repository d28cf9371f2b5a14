"""``manage vault_rotate NEW_KEY_FILE``: the vault opens with another key file from now on."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from deidentify.vault import keeping
from deidentify.vault.errors import VaultError
from deidentify.vault.sealing import make_file_key


class Command(BaseCommand):
    help = "Make a new key file and wrap the vault by it; then let VAULT_KEY_FILE name it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("new_key_file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            make_file_key(options["new_key_file"])
            ring = keeping.rotate(new_key=options["new_key_file"])
        except (VaultError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{ring}: from now on VAULT_KEY_FILE is {options['new_key_file']}.")
