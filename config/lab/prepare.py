"""What must be there before the processes: tables in both databases and the roles, in one start of Django."""

import os
import sys
from collections.abc import Sequence

import django
from django.core.management import call_command


def prepare(bootstrap: Sequence[str] = ()) -> None:
    """Bring the record and the key vault up to date. Repeatable. `bootstrap`: that command's options."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", interactive=False, verbosity=1)
    call_command("migrate", interactive=False, verbosity=1, database="vault")
    call_command("bootstrap", *bootstrap)


if __name__ == "__main__":
    prepare(sys.argv[1:])
