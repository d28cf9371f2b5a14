"""`manage morning_report [--batch N] [--mail]`: the account of a night, the last one where none is named."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.errors import BadInput
from lims.models import Batch
from overview.morning import as_text, morning
from overview.services import NotSent, mail_report
from scanning.models import Night


class Command(BaseCommand):
    help = "Every slide of a night: published, failed (why), skipped (why)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", help="a batch's number or name; the newest one otherwise")
        parser.add_argument("--mail", action="store_true", help="also send it to MORNING_REPORT_TO")

    def handle(self, *args: Any, **options: Any) -> None:
        batch = self._batch(options["batch"])
        self.stdout.write(as_text(morning(batch)))
        if options["mail"]:
            self._mail(batch)

    def _mail(self, batch: Batch) -> None:
        night = Night.objects.select_related("batch").filter(batch=batch).first()
        if night is None:
            raise CommandError(f"{batch} has not been on a scanner.")
        try:
            mail_report(night=night)
        except (BadInput, NotSent) as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"sent to {', '.join(settings.MORNING_REPORT_TO)}")

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
