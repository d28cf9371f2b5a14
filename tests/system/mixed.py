"""`python -m tests.system.mixed NAME`: a night of mixed profiles, in the environment of a laboratory.

Four glasses are scanned by four profiles, a fifth is too bright for the usual exposure. Ends with one line of
JSON: what each slide's file holds, and how often it was scanned.
"""

import json
import os
import sys
from dataclasses import replace
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

import vslide  # noqa: E402  Django first
from core.models import User  # noqa: E402
from lims.models import Batch, Slide  # noqa: E402
from lims.services import Accession, Placement, create_batch, load, register  # noqa: E402
from microscope import Rect  # noqa: E402
from overview.demo.stage import Stage  # noqa: E402
from scanning import services as scanning  # noqa: E402
from scanning.clients import scanner_client, scanners  # noqa: E402
from scanning.models import Attempt, ScanProfile, Snapshot  # noqa: E402
from scanning.plans import glass_for  # noqa: E402
from tests.system.night import PATIENCE_S, _phase  # noqa: E402
from viewer.models import VirtualSlide  # noqa: E402

AREA_UM = (600.0, 400.0)  # two fields
PROFILES: dict[str, dict[str, Any]] = {
    "IF deep": {
        "layers": 25,
        "layer_step_um": 0.5,
        "times": 3,
        "colours": "mosaic",
        "channels": ["DAPI", "Cy5"],
    },
    "IF plain": {"colours": "field"},
    "H&E small": {"encoding": "jpeg"},
    "IHC film": {"times": 3, "layers": 2, "colours": "mosaic"},
}
BRIGHT = "H&E bright"


def prepare(name: str, technician: User) -> Batch:
    """Profiles for stains that no other test has, and a glass of each."""
    stains = [f"{stain} {name}" for stain in (*PROFILES, BRIGHT)]
    for stain, facts in zip(stains, PROFILES.values(), strict=False):
        profile = ScanProfile(name=stain, stains=f"^{stain}$", **facts)
        scanning.save_profile(profile=profile, actor=technician)
    made = [
        register(
            entry=Accession(
                barcode=f"{name}-{number}", accession=f"{name}-{number}", mrn=f"55{number}{name}",
                family_name="Nakamura", stain=stain,
            ),
            actor=technician,
        )
        for number, stain in enumerate(stains)
    ]  # fmt: skip
    batch = create_batch(name=name, actor=technician)
    places = [Placement(1, 1 + number, slide.barcode) for number, slide in enumerate(made)]
    load(batch=batch, placements=places, actor=technician)
    return batch


def review(batch: Batch, technician: User) -> None:
    """A small area in the tissue of each glass but the bright one."""
    for snapshot in Snapshot.objects.filter(slot__carousel__batch=batch).select_related("slide", "slot"):
        points = [(point.x_um, point.y_um) for point in snapshot.points.all()]
        (x, y), (wide, tall) = points[0], AREA_UM
        area = Rect(x - wide / 2, y - tall / 2, wide, tall)
        found = scanning.Review(area=area, points=points, version=snapshot.version)
        scanning.accept(
            snapshot=scanning.save_review(snapshot=snapshot, review=found, actor=technician), actor=technician
        )


def dazzle(batch: Batch) -> None:
    """Hands put a lamp behind one glass: it is overexposed whenever it is exposed as usual."""
    slide = Slide.objects.get(slots__carousel__batch=batch, stain__startswith=BRIGHT)
    slot = slide.slots.get(carousel__batch=batch)
    with scanner_client(scanners()[0].name) as client:
        glass = replace(glass_for(slide, slot.barcode), flaw="saturated")
        client.place(slot.carousel.number, slot.position, glass)


def facts_of(slide: Slide) -> dict[str, Any]:
    """What the current file of a slide holds, and how it came to be."""
    file = VirtualSlide.objects.get(slide=slide, current=True)
    with vslide.open(file.file) as reader:
        header = reader.header
        assert header is not None
        held = {(f.key.r, f.key.c, f.key.z, f.key.t) for f in reader.fields}
        planned = {
            (r, c, z, t)
            for r in range(header.rows) for c in range(header.columns)
            for z in range(header.layers) for t in range(header.times)
        }  # fmt: skip
        readable = all(reader.plane(field.index, 0).any() for field in reader.fields[::7])
    attempts = Attempt.objects.filter(slide=slide).select_related("quality").order_by("number")
    return {
        "layers": header.layers,
        "times": header.times,
        "channels": [channel.name for channel in header.channels],
        "encoding": header.encoding,
        "fields": len(reader.fields),
        "complete": held == planned and readable,
        "verdicts": [attempt.quality.verdict for attempt in attempts],
        "exposures": [attempt.parameters["exposure"] for attempt in attempts],
        "state": slide.state,
    }


def main() -> None:
    name = sys.argv[1]
    technician = User.objects.get(username="tess")
    stage = Stage(sys.stdout, patience_s=PATIENCE_S)
    batch = prepare(name, technician)
    scanning.start_snapshots(batch=batch, scanner=scanners()[0], actor=technician)
    stage.wait("snapshots", lambda: _phase(batch, past=Batch.Phase.SNAPSHOTS))
    review(batch, technician)
    dazzle(batch)
    scanning.start_night(batch=batch, actor=technician)
    stage.wait("night", lambda: _phase(batch, past=Batch.Phase.NIGHT))
    slides = Slide.objects.filter(slots__carousel__batch=batch)
    found = {slide.stain.removesuffix(f" {name}"): facts_of(slide) for slide in slides}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
