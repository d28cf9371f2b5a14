"""`manage bootstrap`: roles as groups and, where asked, one person of each role with a password made for
this laboratory.
"""

import json
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction

from core.models import User
from core.roles import Role

CAST: dict[str, tuple[str, str, Role]] = {
    "tess": ("Tess", "Okafor", Role.TECHNICIAN),
    "paul": ("Paul", "Lindqvist", Role.PATHOLOGIST),
    "petra": ("Petra", "Novak", Role.PATHOLOGIST),
    "mara": ("Mara", "Quist", Role.MANAGER),
    "stella": ("Stella", "Brandt", Role.STEWARD),
    "adam": ("Adam", "Ferrari", Role.ADMINISTRATOR),
}


class Command(BaseCommand):
    help = "Make the roles; with --cast, a person of each role (for a demonstration or a trial)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--cast", action="store_true", help="also make one person of each role")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("createcachetable", verbosity=0)
        for role in Role:
            Group.objects.get_or_create(name=role.value)
        if options["cast"]:
            self._cast(Path(settings.VAR) / "logins.json")

    @transaction.atomic
    def _cast(self, file: Path) -> None:
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        for username, (given, family, role) in CAST.items():
            user, new = User.objects.get_or_create(
                username=username, defaults={"first_name": given, "last_name": family}
            )
            user.groups.add(Group.objects.get(name=role.value))
            if new or username not in known:
                known[username] = secrets.token_urlsafe(12)
                user.set_password(known[username])
                user.save()
        file.touch(mode=0o600)
        file.write_text(json.dumps(known, indent=1), encoding="utf-8")
