"""`python -m tests.faults.soak.people NAME SLIDES OUT`: what people do in the soak's nights, in the
environment of a laboratory that is up; a database that is away for a moment is asked again.

Says how far it is in lines of JSON: `{"begun": {batch: scanner}}`, `{"ended": N, "scanned": N, "place": …}`,
`{"morning": true}`. In the end the account of every slide (tests.faults.soak.account) is in OUT.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TypeVar

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import DatabaseError, InterfaceError, connections  # noqa: E402  Django first

from config.lab.identity import die_with  # noqa: E402
from core.models import Job, User  # noqa: E402
from deidentify.models import State as Held  # noqa: E402
from lims.models import SLOTS, Batch, Slide  # noqa: E402
from lims.services import Accession, Placement, create_batch, load, register_all  # noqa: E402
from lims.states import State  # noqa: E402
from microscope import Rect  # noqa: E402
from overview.demo.people import enrol_readers, judge_scans, review_doubtful  # noqa: E402
from overview.demo.stage import Stage  # noqa: E402
from scanning import services as scanning  # noqa: E402
from scanning.clients import scanners  # noqa: E402
from scanning.models import Attempt, Night, Snapshot  # noqa: E402
from tests.faults.soak.account import account  # noqa: E402

CAST = ("tess", "mara")
STAINS = ("H&E", "H&E", "IHC Ki-67", "H&E", "IF DAPI/FITC/TRITC/Cy5", "H&E")
AREA_UM = (900.0, 800.0)  # 8 × 7 fields of 128 px
LOOK_S = 0.5
PATIENCE_S = 300.0  # without any movement
AGAIN_S = 120.0  # for a database that is away
NOT_WAITED_FOR = ("scanning.tell", "annotation.assign_slide")  # nobody to tell; no reader with room today
BEFORE_THE_LENS = (State.LOADED, State.SNAPPED, State.REVIEW, State.READY, State.SCANNING)
T = TypeVar("T")


class Standstill(Exception):
    """Nothing moves any more."""


def patiently(ask: Callable[[], T]) -> T:
    """A person who is told that the database is away presses the button again."""
    until = time.monotonic() + AGAIN_S
    while True:
        try:
            return ask()
        except (DatabaseError, InterfaceError):
            connections.close_all()
            if time.monotonic() > until:
                raise
            time.sleep(LOOK_S)


def tell(**words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def loaded(name: str, slides: list[Slide], technician: User) -> Batch:
    batch = create_batch(name=name, actor=technician)
    places = [
        Placement(1 + index // SLOTS, 1 + index % SLOTS, slide.barcode) for index, slide in enumerate(slides)
    ]
    load(batch=batch, placements=places, actor=technician)
    return batch


def begin(name: str, count: int, technician: User) -> list[Batch]:
    """As many nights as there are scanners, and the slides dealt out to them."""
    entries = [
        Accession(
            barcode=f"{name}-{index}", accession=f"{name}-{index}", mrn=f"7{index:06d}",
            family_name="Nakamura", stain=STAINS[index % len(STAINS)],
        )
        for index in range(count)
    ]  # fmt: skip
    register_all(entries=entries, source="soak", actor=technician)
    made = list(Slide.objects.filter(barcode__startswith=f"{name}-").order_by("pk"))
    instruments = scanners()
    batches = {}
    for number, scanner in enumerate(instruments):
        batch = loaded(f"{name} {scanner}", made[number :: len(instruments)], technician)
        scanning.start_snapshots(batch=batch, scanner=scanner, actor=technician)
        batches[batch] = scanner.name
    tell(begun={batch.pk: name for batch, name in batches.items()})
    return list(batches)


def review(batch: Batch, technician: User, stage: Stage) -> None:
    """The same small area in the tissue of every glass; then all of them are accepted, worst first."""
    waiting = Snapshot.objects.filter(
        slot__carousel__batch=batch, slide__state__in=[State.SNAPPED, State.REVIEW], version=1
    )
    for snapshot in waiting.select_related("slide", "slot"):
        points = [(point.x_um, point.y_um) for point in snapshot.points.all()]
        if points:
            found = scanning.Review(_area(snapshot, points), points, snapshot.version, seconds=3.0)
            scanning.save_review(snapshot=snapshot, review=found, actor=technician)
    scanning.accept_safe(batch=batch, actor=technician)
    review_doubtful(stage, batch, technician)
    scanning.start_night(batch=batch, actor=technician)


def _area(snapshot: Snapshot, points: list[tuple[float, float]]) -> Rect:
    """Around the middle of the points, on the picture."""
    wide, tall = AREA_UM
    left, top = snapshot.origin_x_um, snapshot.origin_y_um
    right = left + snapshot.width * snapshot.um_per_px - wide
    bottom = top + snapshot.height * snapshot.um_per_px - tall
    x, y = (median(values) for values in zip(*points, strict=True))
    return Rect(min(max(x - wide / 2, left), right), min(max(y - tall / 2, top), bottom), wide, tall)


def watch(batches: list[Batch], technician: User, stage: Stage) -> None:
    """From the first snapshot to the last morning. Raises Standstill."""
    last, moved = "", time.monotonic()
    waiting = list(batches)
    while waiting:
        for batch in list(waiting):
            batch.refresh_from_db()
            if batch.phase == Batch.Phase.REVIEW:
                review(batch, technician, stage)
            elif batch.phase == Batch.Phase.MORNING:
                waiting.remove(batch)
        now = _place(batches)
        if now != last:
            last, moved = now, time.monotonic()
            tell(ended=_ended(batches), scanned=_scanned(batches), place=now)
        if time.monotonic() - moved > PATIENCE_S:
            raise Standstill(now)
        time.sleep(LOOK_S)


def _place(batches: list[Batch]) -> str:
    """Words that change with every picture and every field."""
    slides = Slide.objects.filter(slots__carousel__batch__in=batches)
    states = sorted(slides.values_list("state", flat=True))
    counted = {state: states.count(state) for state in dict.fromkeys(states)}
    planes = sum(Attempt.objects.filter(night__batch__in=batches).values_list("done_planes", flat=True))
    return f"{planes} planes, " + ", ".join(f"{count} {state}" for state, count in counted.items())


def _ended(batches: list[Batch]) -> int:
    slides = Slide.objects.filter(slots__carousel__batch__in=batches)
    return slides.exclude(state__in=BEFORE_THE_LENS).count()


def _scanned(batches: list[Batch]) -> int:
    """How many the scanners have done with, whatever is built of them."""
    at_work = (Attempt.State.QUEUED, Attempt.State.RUNNING)
    return Attempt.objects.filter(night__batch__in=batches).exclude(state__in=at_work).count()


def drain(batches: list[Batch]) -> None:
    """Wait until every scanned slide is de-identified and nothing but readers is waited for. Raises
    Standstill.
    """
    last, moved = -1, time.monotonic()
    waiting = Job.objects.filter(done_at=None, failed_at=None).exclude(task__in=NOT_WAITED_FOR)
    scanned = Slide.objects.filter(slots__carousel__batch__in=batches, state=State.SCANNED)
    scanned = scanned.exclude(deidentified__state=Held.QUARANTINED)  # a person's, from here on
    while left := waiting.count() + scanned.count():
        if left != last:
            last, moved = left, time.monotonic()
        if time.monotonic() - moved > PATIENCE_S:
            raise Standstill(f"{waiting.count()} jobs, {scanned.count()} slides not de-identified")
        time.sleep(LOOK_S)


def live(name: str, count: int) -> list[Batch]:
    cast = {user.username: user for user in User.objects.filter(username__in=CAST)}
    stage = Stage(sys.stderr)
    enrol_readers(cast)
    batches = begin(name, count, cast["tess"])
    patiently(lambda: watch(batches, cast["tess"], stage))
    patiently(lambda: judge_scans(stage, cast["tess"]))
    tell(morning=True)
    patiently(lambda: drain(batches))
    return batches


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("slides", type=int)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    die_with(os.getppid())  # a campaign that is killed leaves nobody behind
    problem = ""
    try:
        live(options.name, options.slides)
    except Standstill as error:
        problem = f"nothing moved for {PATIENCE_S:.0f} s: {error}"
    nights = Night.objects.filter(batch__name__startswith=f"{options.name} ")
    found = account(list(nights.select_related("batch", "scanner")))
    options.out.write_text(json.dumps(found | {"standstill": problem}), encoding="utf-8")
    return int(bool(problem))


if __name__ == "__main__":
    sys.exit(main())
