"""From a reviewed snapshot to a scan plan; and, for a simulated scanner, from a slide to the glass that
lies under it.
"""

import hashlib

from django.conf import settings

from lims.models import Slide
from microscope import FocusPoint, Glass, Rect, ScannerInfo, ScanPlan
from scanning.models import Snapshot
from vslide import RGB

OVERLAP = 0.1

# What is wrong with the glass that hands bring, in turn. A first scan fails of it, the rescan does not.
FLAWS = ("stage_fault", "jam", "blurred", "lamp", "missing_fields", "stall", "empty_slot")


def modality_of(stain: str) -> str:
    """Immunofluorescence is written IF…; everything else absorbs light."""
    return "fluorescence" if stain.upper().startswith("IF") else "brightfield"


def plan_for(snapshot: Snapshot, info: ScannerInfo) -> ScanPlan:
    fluorescence = modality_of(snapshot.slide.stain) == "fluorescence"
    return ScanPlan(
        area=Rect(snapshot.area_x_um, snapshot.area_y_um, snapshot.area_width_um, snapshot.area_height_um),
        focus_points=tuple(FocusPoint(point.x_um, point.y_um) for point in snapshot.points.all()),
        field_width=info.field_width,
        field_height=info.field_height,
        pixel_size_um=info.pixel_size_um,
        magnification=info.magnification,
        overlap=OVERLAP,
        channels=info.channels if fluorescence else RGB,
        modality="fluorescence" if fluorescence else "brightfield",
        stain=snapshot.slide.stain[:60],
        encoding="jpeg" if settings.BRIGHTFIELD_ENCODING == "jpeg" and not fluorescence else "blosc",
    )


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
