"""`python -m tests.system.night NAME SLIDES`: what people do in a night and its morning; the processes do
the rest.

Runs in the environment of a laboratory that is up. Ends with one line of JSON: what became of the
slides, counted from the record and, for every published slide, from its file.
"""

import argparse
import hashlib
import json
import os
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from core.models import User  # noqa: E402  Django first
from lims.models import Batch, Slide  # noqa: E402
from lims.services import Accession, Placement, create_batch, load, register  # noqa: E402
from lims.states import FailureReason, State  # noqa: E402
from overview.demo.people import enrol_readers, review_doubtful  # noqa: E402
from overview.demo.stage import Stage  # noqa: E402
from overview.reports import lost_fields  # noqa: E402
from scanning import services as scanning  # noqa: E402
from scanning.clients import scanners  # noqa: E402
from scanning.models import Attempt  # noqa: E402
from viewer.models import VirtualSlide  # noqa: E402

CAST = ("tess", "mara")
STAINS = ("H&E", "IF DAPI/FITC/TRITC/Cy5", "IHC Ki-67")
PATIENCE_S = 120.0


def register_slides(name: str, count: int, technician: User) -> list[Slide]:
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % 10**6
    return [
        register(
            entry=Accession(
                barcode=f"{name}-{index}",
                accession=f"{name}-{index}",
                mrn=f"{number:06d}{index:03d}",
                family_name="Nakamura",
                stain=STAINS[index % len(STAINS)],
            ),
            actor=technician,
        )
        for index in range(count)
    ]


def photograph(stage: Stage, batch: Batch, technician: User) -> None:
    scanning.start_snapshots(batch=batch, scanner=scanners()[0], actor=technician)
    stage.wait("snapshots", lambda: _phase(batch, past=Batch.Phase.SNAPSHOTS))
    scanning.accept_safe(batch=batch, actor=technician)
    review_doubtful(stage, batch, technician)


def scan(stage: Stage, batch: Batch, technician: User) -> None:
    scanning.start_night(batch=batch, actor=technician)
    stage.wait("night", lambda: _phase(batch, past=Batch.Phase.NIGHT))


def _phase(batch: Batch, past: str) -> tuple[int, int, str]:
    """Done when the batch has left a phase; the words change with every plane, so that a standstill is
    seen.
    """
    batch.refresh_from_db()
    planes = sum(Attempt.objects.filter(night__batch=batch).values_list("done_planes", flat=True))
    states = Slide.objects.filter(slots__carousel__batch=batch).values_list("state", flat=True)
    return int(batch.phase != past), 1, f"{planes} planes, {' '.join(states)}"


def follow_up(stage: Stage, slides: list[int]) -> None:
    """De-identification and assignment, which the default worker does while the night goes on."""

    def look() -> tuple[int, int, str]:
        ours = Slide.objects.filter(pk__in=slides)
        whole = ours.exclude(state=State.FAILED).count()
        return ours.filter(state=State.ASSIGNED).count(), whole, ""

    stage.wait("assigned", look)


def outcome(slides: list[int]) -> dict[str, object]:
    ours = Slide.objects.filter(pk__in=slides)
    files = VirtualSlide.objects.filter(slide__in=ours, current=True)
    return {
        "slides": ours.count(),
        "published": ours.filter(state=State.ASSIGNED).count(),
        "failed": ours.filter(state=State.FAILED, failure__in=FailureReason.values).count(),
        "causes": dict(ours.filter(state=State.FAILED).values_list("barcode", "failure")),
        "lost_fields": lost_fields(ours),
        "files": files.count(),
        "wrong_files": [file.path for file in files if not _is_whole(file)],
        "attempts": Attempt.objects.filter(slide__in=ours).count(),
        "takeovers": sum(Attempt.objects.filter(slide__in=ours).values_list("takeovers", flat=True)),
        "open": Attempt.objects.filter(slide__in=ours, state__in=["queued", "running", "acquired"]).count(),
    }


def _is_whole(row: VirtualSlide) -> bool:
    """The file is the one that was verified, byte for byte, and holds every plane that was planned."""
    with row.file.open("rb") as stream:
        same = hashlib.file_digest(stream, "sha256").hexdigest() == row.sha256
    planned = Attempt.objects.get(slide=row.slide, number=row.attempt).planned_planes
    return same and row.fields * row.channels == planned


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("slides", type=int)
    options = parser.parse_args()
    began = time.monotonic()
    cast = {user.username: user for user in User.objects.filter(username__in=CAST)}
    stage = Stage(sys.stdout, patience_s=PATIENCE_S)
    enrol_readers(cast)
    made = register_slides(options.name, options.slides, cast["tess"])
    batch = create_batch(name=options.name, actor=cast["tess"])
    places = [Placement(1 + index // 10, 1 + index % 10, slide.barcode) for index, slide in enumerate(made)]
    load(batch=batch, placements=places, actor=cast["tess"])
    photograph(stage, batch, cast["tess"])
    scan(stage, batch, cast["tess"])
    ids = [slide.pk for slide in made]
    follow_up(stage, ids)
    sys.stdout.write(json.dumps(outcome(ids) | {"seconds": round(time.monotonic() - began, 1)}) + "\n")


if __name__ == "__main__":
    main()
