"""From a reviewed snapshot to a scan plan; and, for a simulated scanner, from a slide to the glass that
lies under it.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from lims.models import Slide
from microscope import FocusPoint, Glass, Rect, ScannerInfo, ScanPlan
from microscope.errors import PlanInvalid
from scanning.models import ScanProfile, Snapshot
from vslide import RGB, Channel

# What is wrong with the glass that hands bring, in turn. A first scan fails of it, the rescan does not.
FLAWS = ("stage_fault", "jam", "blurred", "lamp", "missing_fields", "stall", "empty_slot")


def modality_of(stain: str) -> str:
    """Immunofluorescence is written IF…; everything else absorbs light."""
    return "fluorescence" if stain.upper().startswith("IF") else "brightfield"


def profile_for(stain: str) -> ScanProfile:
    """The first active profile that fits a stain; where there is none, every colour once."""
    for profile in ScanProfile.objects.filter(active=True):
        if re.search(profile.stains, stain, re.IGNORECASE):
            return profile
    return ScanProfile(name="as the scanner does", encoding=settings.BRIGHTFIELD_ENCODING)


def plan_for(snapshot: Snapshot, info: ScannerInfo, adjustments: Mapping[str, Any] | None = None) -> ScanPlan:
    """What to scan of a reviewed glass, by its profile; `adjustments` (scanning.adjusting) go before the
    snapshot. Raises PlanInvalid for what this scanner cannot do.
    """
    profile = snapshot.profile or profile_for(snapshot.slide.stain)
    brightfield = modality_of(snapshot.slide.stain) == "brightfield"
    jpeg = brightfield and profile.encoding == ScanProfile.Encoding.JPEG
    if profile.layers > info.max_layers:
        raise PlanInvalid(f"layers: {profile.layers} wanted, this scanner takes {info.max_layers} at most")
    changed = adjustments or {}
    return ScanPlan(
        area=Rect(*changed["area"]) if "area" in changed else _area(snapshot),
        focus_points=_points(snapshot, changed),
        field_width=info.field_width,
        field_height=info.field_height,
        pixel_size_um=info.pixel_size_um,
        magnification=info.magnification,
        overlap=profile.overlap,
        channels=RGB if brightfield else _channels(profile, info),
        layers=profile.layers,
        layer_step_um=profile.layer_step_um,
        times=profile.times,
        colours="mosaic" if profile.colours == ScanProfile.Colours.MOSAIC else "field",
        modality="brightfield" if brightfield else "fluorescence",
        stain=snapshot.slide.stain[:60],
        encoding="jpeg" if jpeg else "blosc",
        exposure=changed.get("exposure", 1.0),
    )


def parameters_of(plan: ScanPlan, info: ScannerInfo) -> dict[str, Any]:
    """What an attempt remembers of its plan. `exposure` is None where the scanner always takes its own."""
    return {
        "fields": plan.field_count,
        "rows": plan.rows,
        "columns": plan.columns,
        "field": [plan.field_width, plan.field_height],
        "channels": len(plan.channels),
        "layers": plan.layers,
        "times": plan.times,
        "colours": plan.colours,
        "encoding": plan.encoding,
        "focus_points": len(plan.focus_points),
        "overlap": plan.overlap,
        "pixel_size_um": plan.pixel_size_um,
        "modality": plan.modality,
        "exposure": plan.exposure if "exposure" in info.capabilities else None,
    }


def _area(snapshot: Snapshot) -> Rect:
    return Rect(snapshot.area_x_um, snapshot.area_y_um, snapshot.area_width_um, snapshot.area_height_um)


def _points(snapshot: Snapshot, changed: Mapping[str, Any]) -> tuple[FocusPoint, ...]:
    points = changed["points"] if "points" in changed else snapshot.points.values_list("x_um", "y_um")
    return tuple(FocusPoint(x, y) for x, y in points)


def _channels(profile: ScanProfile, info: ScannerInfo) -> tuple[Channel, ...]:
    """Those that the profile names, in its order; all of the scanner's where it names none."""
    known = {channel.name: channel for channel in info.channels}
    unknown = [name for name in profile.channels if name not in known]
    if unknown:
        raise PlanInvalid(f"channels: this scanner has no {', '.join(unknown)}, but {', '.join(known)}")
    return tuple(known[name] for name in profile.channels) or info.channels


def glass_for(slide: Slide, barcode: str) -> Glass:
    """What hands would put into the slot. The specimen follows from the slide alone, so a rescan finds the
    same tissue.
    """
    stain = (
        "IF4"
        if modality_of(slide.stain) == "fluorescence"
        else ("IHC" if "IHC" in slide.stain.upper() else "H&E")
    )
    seed = int.from_bytes(hashlib.sha256(slide.barcode.encode()).digest()[:4], "big")
    return Glass(
        barcode=barcode,
        stain=stain,
        seed=seed,
        specimen=settings.SIMULATED_SPECIMEN or None,
        label=slide.stain,
        flaw=_flaw(slide),
    )


def _flaw(slide: Slide) -> str | None:
    """Every so many slides one has something wrong with it: evenly, so a loader's worth shows a failure."""
    every = settings.SIMULATED_FLAW_EVERY
    turn, place = divmod(slide.pk, every) if every else (0, -1)
    return FLAWS[turn % len(FLAWS)] if place == every // 2 else None
