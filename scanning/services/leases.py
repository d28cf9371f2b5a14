"""One driver per scanner: a lease by compare-and-swap, kept by beating, free again when its holder falls
silent.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from core import jobs
from core.errors import Unavailable
from scanning.models import Scanner

LEASE_S = 12.0


class LeaseLost(Unavailable):
    """Another worker drives this scanner now: stop at once, touch nothing; the bell rings again later."""

    code = "lease_lost"


@contextmanager
def lease(scanner: Scanner) -> Iterator[uuid.UUID]:
    """Hold the scanner; raises LeaseLost when somebody else does."""
    owner, now = uuid.uuid4(), timezone.now()
    # a lease that reaches further than any may was taken before the clock was set back
    over = Q(lease_until__lt=now) | Q(lease_until__gt=now + timedelta(seconds=2 * LEASE_S))
    free = Q(lease_owner=None) | over
    taken = Scanner.objects.filter(free, pk=scanner.pk).update(
        lease_owner=owner, lease_until=now + timedelta(seconds=LEASE_S)
    )
    if not taken:
        raise LeaseLost(f"{scanner} is being driven by another worker.")
    try:
        yield owner
    finally:
        Scanner.objects.filter(pk=scanner.pk, lease_owner=owner).update(lease_owner=None)


def beat(scanner: Scanner, owner: uuid.UUID) -> None:
    """Keep the scanner and the running job, or stop."""
    now = timezone.now()
    kept = Scanner.objects.filter(pk=scanner.pk, lease_owner=owner).update(
        lease_until=now + timedelta(seconds=LEASE_S), last_seen=now
    )
    if not (kept and jobs.beat()):
        raise LeaseLost(f"{scanner} was taken over by another worker.")
