"""`manage morning_report [--batch N]`: the account of a night, the last one where none is named."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lims.models import Batch
from overview.morning import as_text, morning


class Command(BaseCommand):
    help = "Every slide of a night: published, failed (why), skipped (why)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", help="a batch's number or name; the newest one otherwise")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(as_text(morning(self._batch(options["batch"]))))

    @staticmethod
    def _batch(wanted: str | None) -> Batch:
        if wanted is None:
            found = Batch.objects.order_by("-id").first()
        else:
            found = Batch.objects.filter(name=wanted).first()
            if found is None and wanted.isdigit():
                found = Batch.objects.filter(pk=int(wanted)).first()
        if found is None:
            raise CommandError(f"There is no batch {wanted}." if wanted else "There is no batch yet.")
        return found
