"""The account of the nights: what became of every slide, and whether its file is what the record says.
Counted from the record, from the files, and by `vslide verify`.
"""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from django.conf import settings
from django.db.models import Count

from annotation.models import Assignment
from core.models import Job
from deidentify.models import DeidentifiedSlide
from deidentify.models import State as Held
from lims.models import Slide, SlideEvent
from lims.states import FailureReason, State
from lims.templatetags.lims import SHORT
from overview.reports import lost_fields
from scanning.boards import OPEN, PUBLISHED, SKIPPED
from scanning.models import Attempt, Night, Snapshot
from scanning.orchestration import HOUSE
from scanning.templatetags.glass import STAGES
from viewer.models import VirtualSlide

AT_ONCE = 50  # files of one `vslide verify`
OURS = frozenset(
    str(reason) for reason in (*HOUSE, FailureReason.ATTEMPTS_EXHAUSTED, FailureReason.VERIFY_FAILED)
)


def account(nights: Sequence[Night]) -> dict[str, Any]:
    slides = Slide.objects.filter(slots__carousel__batch__in=[night.batch_id for night in nights])
    attempts = Attempt.objects.filter(night__in=nights)
    failed = Counter(slides.filter(state=State.FAILED).values_list("failure", flat=True))
    known = sum(number for reason, number in failed.items() if reason in FailureReason.values)
    published, skipped = slides.filter(state__in=PUBLISHED).count(), slides.filter(state__in=SKIPPED).count()
    return {
        "slides": slides.count(),
        "published": published,
        "failed": known,
        "skipped": skipped,
        "unknown": slides.count() - published - known - skipped,
        "reasons": dict(failed.most_common()),
        "failed_of_ours": sum(number for reason, number in failed.items() if reason in OURS),
        "lost": lost_fields(slides),
        "fewest_fields": min((file.fields for file in _files(slides)), default=0),
        "deidentified": slides.filter(state__in=[State.DEIDENTIFIED, State.ASSIGNED]).count(),
        "quarantined": DeidentifiedSlide.objects.filter(slide__in=slides, state=Held.QUARANTINED).count(),
        "attempts": attempts.count(),
        "open": attempts.filter(state__in=OPEN).count(),
        "takeovers": sum(attempts.values_list("takeovers", flat=True)),
        "jobs_given_up": [
            f"{task}: {error[-200:]}"
            for task, error in Job.objects.filter(failed_at__isnull=False).values_list("task", "error")
        ],
        "duplicates": duplicates(slides),
        "seconds_by_phase": _phases(nights),
        "snapshot_ms": snapshot_ms(nights),
        "changes": {night.batch_id: list(_changes(night)) for night in nights},
        **_of_the_files(slides),
    }


def _files(slides: Any) -> Any:
    return VirtualSlide.objects.filter(slide__in=slides, current=True)


def duplicates(slides: Any) -> dict[str, int]:
    """What must be there once and is there twice."""

    def twice(rows: Any, *same: str) -> int:
        counted = rows.order_by().values(*same).annotate(n=Count("id")).filter(n__gt=1)
        return sum(row["n"] - 1 for row in counted)

    events = SlideEvent.objects.filter(slide__in=slides)
    return {
        "publications": twice(events.filter(target=State.SCANNED), "slide"),
        "done_attempts": twice(Attempt.objects.filter(slide__in=slides, state=Attempt.State.DONE), "slide"),
        "files": twice(VirtualSlide.objects.filter(slide__in=slides), "slide", "attempt"),
        "deidentified": twice(DeidentifiedSlide.objects.filter(slide__in=slides, state=Held.PASSED), "slide"),
        "assignments": twice(Assignment.objects.filter(slide__in=slides), "slide", "reader"),
    }


def _of_the_files(slides: Any) -> dict[str, Any]:
    rows = list(_files(slides).select_related("slide"))
    faults = list(_verified([str(row.file) for row in rows]))
    store = Path(settings.SLIDE_ROOT)
    known = {str(path) for path in VirtualSlide.objects.values_list("path", flat=True)}
    lying = {str(path.relative_to(store)) for path in (store / "slides").rglob("*.h5")}
    done = {run.hex for run in Attempt.objects.filter(state=Attempt.State.DONE).values_list("run", flat=True)}
    journals = {path.name.removeprefix("run-") for path in (store / "journals").glob("run-*")}
    return {
        "files": len(rows),
        "unreadable": len(faults),
        "faults": faults[:20],
        "silent": sum(not _is_whole(row) for row in rows),
        "files_without_a_row": sorted(lying - known),
        "journals_left": sorted(journals & done),
        "journals_kept": len(journals - done),
    }


def _verified(paths: Sequence[str]) -> Iterator[str]:
    """Every fault that the program finds which needs no Django."""
    for first in range(0, len(paths), AT_ONCE):
        argv = [sys.executable, "-m", "vslide", "verify", "--json", *paths[first : first + AT_ONCE]]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=600)
        said = json.loads(done.stdout) if done.stdout else {"faults": [done.stderr[-300:]]}
        yield from said["faults"]
        if done.returncode and not said["faults"]:
            yield f"verify ended with {done.returncode}: {done.stderr[-300:]}"


def _is_whole(row: VirtualSlide) -> bool:
    """The file is the one that was verified, byte for byte, and holds every plane that was planned."""
    with row.file.open("rb") as stream:
        same = hashlib.file_digest(stream, "sha256").hexdigest() == row.sha256
    planned = Attempt.objects.get(slide=row.slide, number=row.attempt).planned_planes
    return same and row.fields * row.channels == planned


def _phases(nights: Sequence[Night]) -> dict[str, float]:
    """The longest of all scanners (s)."""
    ends = [night.ended_at for night in nights if night.ended_at]
    starts = [night.started_at for night in nights if night.started_at]
    first = min(night.snapshots_at for night in nights)
    found = {}
    if len(starts) == len(nights):
        found["snapshots"] = (max(starts) - first).total_seconds()
    if len(ends) == len(nights):
        found["night"] = (max(ends) - min(starts)).total_seconds()
        found["all"] = (max(ends) - first).total_seconds()
    return {name: round(seconds, 1) for name, seconds in found.items()}


def snapshot_ms(nights: Sequence[Night]) -> dict[str, float]:
    """From one photograph of a scanner to its next: in the middle, and on average with all that broke."""
    gaps: list[float] = []
    for night in nights:
        taken = Snapshot.objects.filter(slot__carousel__batch=night.batch_id).order_by("taken_at")
        times = list(taken.values_list("taken_at", flat=True))
        gaps += [1e3 * (later - sooner).total_seconds() for sooner, later in pairwise(times)]
    if not gaps:
        return {}
    return {"median": round(median(gaps), 1), "mean": round(sum(gaps) / len(gaps), 1)}


SHOWN: dict[str, tuple[str, ...]] = {
    State.READY: (SHORT[State.READY], STAGES[Attempt.State.QUEUED][2]),
    State.SCANNING: (STAGES[Attempt.State.RUNNING][2], STAGES[Attempt.State.ACQUIRED][2]),
}


def _changes(night: Night) -> Iterator[tuple[float, str, list[str]]]:
    """Every step of every slide while the night's page was live: when, of which slot, and what that slot says
    from then on and later.
    """
    rows = SlideEvent.objects.filter(slide__slots__carousel__batch=night.batch_id).order_by("id")
    facts = rows.values_list(
        "slide", "at", "target", "slide__slots__carousel__number", "slide__slots__position"
    )
    by_slide: dict[int, list[tuple[datetime, str, str]]] = {}
    for slide, at, target, carousel, position in facts:
        by_slide.setdefault(slide, []).append((at, target, f"slot-{carousel}-{position}"))
    for steps in by_slide.values():
        for number, (at, _, slot) in enumerate(steps):
            if night.snapshots_at < at and (night.ended_at is None or at < night.ended_at):
                later = (_shown(target) for _, target, _ in steps[number:])
                yield at.timestamp(), slot, sorted({label for labels in later for label in labels})


def _shown(target: str) -> tuple[str, ...]:
    return SHOWN.get(target, (SHORT.get(target, State(target).label),))
