"""`manage enrol_readers`: every pathologist who is not on the rota yet reads every tissue up to the day's
limit.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from annotation.policy import SHIFT_HOURS
from annotation.services import enrol_reader
from core.models import User
from core.roles import Role
from lims.states import SYSTEM


class Command(BaseCommand):
    help = "Put every pathologist without a place on the rota there (all tissues, the policy's daily limit)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=int, help="slides a day, at most the policy's limit")
        parser.add_argument("--every-day", action="store_true", help="Saturdays and Sundays too")

    def handle(self, *args: Any, **options: Any) -> None:
        people = User.objects.filter(groups__name=Role.PATHOLOGIST, is_active=True, reader=None).order_by(
            "pk"
        )
        for user in people:
            hours = [SHIFT_HOURS] * 7 if options["every_day"] else None
            reader = enrol_reader(user=user, actor=SYSTEM, limit=options["limit"], hours=hours)
            self.stdout.write(f"{user.username}: {reader.number}, {reader.daily_limit} slides a day")
