"""How glasses are scanned: profiles by stain, and another one for a single glass."""

from django.db import transaction

from core import audit
from core.errors import Conflict
from lims.services import Actor
from scanning.models import ScanProfile, Snapshot


@transaction.atomic
def save_profile(*, profile: ScanProfile, actor: Actor) -> ScanProfile:
    """Keep a new or changed profile, which a form has checked. Scans that have begun go on as they were."""
    verb = "change" if profile.pk else "create"
    profile.save()
    audit.record(actor=actor, action=f"profile.{verb}", target=f"profile:{profile.name}")
    return profile


@transaction.atomic
def choose_profile(*, snapshot: Snapshot, profile: ScanProfile | None, actor: Actor) -> None:
    """Scan this glass by another profile than its stain's (None: by its stain's again)."""
    changed = Snapshot.objects.filter(pk=snapshot.pk, accepted_at=None).update(profile=profile)
    if not changed:
        raise Conflict("This snapshot has been accepted: its scan is as it was then.")
    name = profile.name if profile else "that of its stain"
    audit.record(
        actor=actor, action="snapshot.profile", target=f"slide:{snapshot.slide.barcode}", profile=name
    )
