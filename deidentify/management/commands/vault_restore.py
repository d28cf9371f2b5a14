"""``manage vault_restore --export FILE --ledger FILE``: fill an empty vault; no number is given out twice."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from deidentify.vault import keeping
from deidentify.vault.errors import VaultError


class Command(BaseCommand):
    help = "Fill an empty vault from exports and ledgers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--export", type=Path, action="append", default=[], metavar="FILE")
        parser.add_argument(
            "--ledger",
            type=Path,
            action="append",
            default=[],
            metavar="FILE",
            help="of each host that issued keys",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = keeping.restore(exports=options["export"], ledgers=options["ledger"])
        except (VaultError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{done.issued} keys are back; {done.reserved} numbers are reserved for nobody.")
