"""What the instrument and the slide service are told about one attempt."""

from django.conf import settings

from microscope import ScannerInfo, ScanPlan
from scanning.models import Attempt, Snapshot
from scanning.plans import parameters_of, plan_for
from vslide import SlideHeader
from vslide.codec import chunk_grid


def plan_of(attempt: Attempt, info: ScannerInfo) -> ScanPlan:
    """The reviewed glass as this scanner scans it; the attempt remembers the parameters.

    Raises PlanInvalid for what this scanner cannot do.
    """
    snapshot = Snapshot.objects.select_related("slide", "profile").get(slot=attempt.slot)
    plan = plan_for(snapshot, info, attempt.adjustments)
    Attempt.objects.filter(pk=attempt.pk).update(
        parameters=parameters_of(plan, info), planned_planes=plan.plane_count
    )
    return plan


def header_of(attempt: Attempt, plan: ScanPlan, info: ScannerInfo) -> SlideHeader:
    return plan.header(
        slide_id=attempt.slide.uid.hex,
        run_id=attempt.run.hex,
        chunk=chunk_grid(plan.field_height, plan.field_width),
        scanner=info.name,
        driver=info.driver,
        objective=info.objective,
        software=info.software,
        key_id=settings.SLIDE_KEY_ID,
    )
