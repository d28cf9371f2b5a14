"""`python -m tests.bench.within_django MODULE:FUNCTION ARGUMENT…`: a function in a process where Django is
set up and the databases, below NOCTURNE_VAR, are made.
"""

import pkgutil
import sys

import django
from django.core.management import call_command

if __name__ == "__main__":
    django.setup()
    for database in ("default", "vault"):
        call_command("migrate", database=database, verbosity=0)
    call_command("createcachetable", verbosity=0)
    sys.exit(pkgutil.resolve_name(sys.argv[1])(sys.argv[2:]))
