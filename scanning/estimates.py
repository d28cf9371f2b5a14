"""What scanning by a profile costs: bytes and time per cm², from what the last scans took."""

import math
import re
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from lims.models import Slide
from scanning.models import Attempt, ScanProfile
from scanning.plans import modality_of
from viewer.models import VirtualSlide

LATEST = 50
CM_UM = 10_000.0
RGB_PLANES = 3


@dataclass(frozen=True)
class Estimate:
    """Of one cm² of glass. `bytes` and `hours` are None while no scan of the kind tells them."""

    modality: str
    fields: int
    planes: int
    raw_bytes: float
    bytes: float | None
    hours: float | None
    scans: int


def estimate(profile: ScanProfile) -> Estimate | None:
    """None before the first scan: nobody knows yet how large a field is."""
    modality = _modality(profile.stains)
    done = Attempt.objects.filter(state=Attempt.State.DONE, parameters__has_key="field").order_by("-id")
    like = done.filter(parameters__modality=modality, parameters__encoding=_encoding(profile, modality))
    known = like.first() or done.filter(parameters__modality=modality).first() or done.first()
    if known is None:
        return None
    parameters = known.parameters
    fields = _fields(parameters, profile.overlap) * profile.layers * profile.times
    channels = RGB_PLANES if modality == "brightfield" else len(profile.channels) or parameters["channels"]
    width, height = parameters["field"]
    grey_bytes = 1 if modality == "brightfield" else 2
    per_field, hours, count = _learned(like[:LATEST], channels)
    return Estimate(
        modality=modality,
        fields=fields,
        planes=fields * channels,
        raw_bytes=float(fields * channels * width * height * grey_bytes),
        bytes=fields * per_field if per_field else None,
        hours=fields * hours if hours else None,
        scans=count,
    )


def _modality(pattern: str) -> str:
    """Of the stains of the laboratory that a pattern fits; of a new one, by the pattern itself."""
    known = Slide.objects.order_by("stain").values_list("stain", flat=True).distinct()
    stains = [stain for stain in known if re.search(pattern, stain, re.IGNORECASE)]
    return modality_of(stains[0] if stains else "IF" if re.search(pattern, "IF", re.IGNORECASE) else "")


def _encoding(profile: ScanProfile, modality: str) -> str:
    return profile.encoding if modality == "brightfield" else ScanProfile.Encoding.LOSSLESS


def _fields(parameters: dict[str, Any], overlap: float) -> int:
    keep = float(parameters["pixel_size_um"]) * (1 - overlap)
    width, height = map(float, parameters["field"])
    return math.ceil(CM_UM / (width * keep) * CM_UM / (height * keep))


def _learned(attempts: QuerySet[Attempt], channels: int) -> tuple[float, float, int]:
    """(bytes and hours of a field of so many channels, how many scans tell it)."""
    sizes = {
        (row.slide_id, row.attempt): row.bytes
        for row in VirtualSlide.objects.filter(slide__in=[attempt.slide_id for attempt in attempts])
    }
    told = [
        (sizes[attempt.slide_id, attempt.number], attempt.acquired_at - attempt.started_at, _planes(attempt))
        for attempt in attempts
        if (attempt.slide_id, attempt.number) in sizes and attempt.acquired_at and attempt.started_at
    ]
    planes = sum(count for _, _, count in told)
    if not planes:
        return 0.0, 0.0, 0
    seconds = sum(took.total_seconds() for _, took, _ in told)
    return sum(size for size, _, _ in told) / planes * channels, seconds / planes * channels / 3600, len(told)


def _planes(attempt: Attempt) -> int:
    return int(attempt.parameters["fields"] * attempt.parameters["channels"])
