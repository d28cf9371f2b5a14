"""``manage vault_check``: does every row open, and was the log of looks left alone? Exit 1 when not."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from deidentify.vault import keeping
from deidentify.vault.errors import VaultError


class Command(BaseCommand):
    help = "Say what in the vault does not open or was tampered with."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = keeping.faults()
        except (VaultError, OSError) as error:
            raise CommandError(str(error)) from error
        for fault in found:
            self.stdout.write(fault)
        if found:
            raise CommandError(f"{len(found)} faults")
        self.stdout.write("Every row opens, and the log of looks is whole.")
