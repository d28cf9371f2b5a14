"""What must be true of every night, asked from outside: of the record, of the files, and of what the slide
service had promised to the scanners.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.audit import broken_links
from core.models import Job
from lims.models import Batch, Slide, SlideEvent
from lims.states import SYSTEM, FailureReason, State
from scanning.boards import PUBLISHED
from scanning.models import Attempt, Night
from scanning.orchestration import HOUSE
from tests.faults.world.service import SlideService
from tests.faults.world.stream import Ledger
from viewer.models import VirtualSlide

OF_THE_DATABASE = ("OperationalError", "IntegrityError")
OF_THE_HOUSE = (*HOUSE, FailureReason.ATTEMPTS_EXHAUSTED)
WITH_PEOPLE = (State.REVIEW, State.QUALITY, State.HELD)  # skipped: a person has to look at them
ENDED = (*PUBLISHED, *WITH_PEOPLE, State.FAILED, State.REJECTED)


@dataclass
class Account:
    """One night's end. Each of the counts must be 0, but for the first three."""

    published: int = 0
    failed: int = 0
    skipped: int = 0
    unknown: int = 0
    lost: int = 0
    silent: int = 0
    unreadable: int = 0
    duplicates: int = 0
    problems: list[str] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def held(self) -> bool:
        bad = self.unknown or self.lost or self.silent or self.unreadable or self.duplicates
        return not (bad or self.problems)


def at_seven(account: Account, batches: list[Batch]) -> None:
    """400 = published + failed + skipped, and nothing is under way."""
    for batch in batches:
        for slide in Slide.objects.filter(slots__carousel__batch=batch).order_by("pk"):
            _place(account, slide, batch)
        if Batch.objects.get(pk=batch.pk).phase != Batch.Phase.MORNING:
            account.problems.append(f"{batch} has not ended: {Batch.objects.get(pk=batch.pk).phase}")
    for attempt in Attempt.objects.filter(
        night__batch__in=batches, state__in=["queued", "running", "acquired"]
    ):
        account.problems.append(f"{attempt} is still {attempt.state}")


def _place(account: Account, slide: Slide, batch: Batch) -> None:
    if slide.state in PUBLISHED:
        account.published += 1
    elif slide.state in WITH_PEOPLE or slide.state == State.REJECTED:
        account.skipped += 1
    elif slide.state == State.FAILED and slide.failure:
        account.failed += 1
        account.failures[slide.failure] += 1
    else:
        account.unknown += 1
        account.problems.append(f"{slide} of {batch} is {slide.state} {slide.failure}")


def in_the_end(account: Account, service: SlideService, ledger: Ledger, sound: Collection[str]) -> None:
    """Nothing lost, nothing wrong, nothing twice. `sound` are the barcodes of glasses without a fault."""
    _files(account, ledger)
    account.problems += [*_untyped(), *_failed_for_nothing(sound)]
    account.problems += _journals(service)
    _kept(account, service, ledger)
    for words in (*_steps_twice(), *_scans_twice()):
        account.duplicates += 1
        account.problems.append(words)
    account.problems += [f"the audit chain is broken at {entry}" for entry in broken_links()]
    open_nights = Night.objects.filter(ended_at=None).select_related("batch")
    account.problems += [f"{night} has no end" for night in open_nights]


def _untyped() -> Iterator[str]:
    """A job may fail for what its service says, not for a defect."""
    for job in Job.objects.exclude(failed_at=None):
        code = job.error.partition(":")[0]
        if code[:1].isupper() and code not in OF_THE_DATABASE:
            yield f"{job} ended with {job.error}"


def _failed_for_nothing(sound: Collection[str]) -> Iterator[str]:
    """The laboratory blames a glass only for what is wrong with it."""
    failed = SlideEvent.objects.filter(target=State.FAILED, actor=SYSTEM).exclude(reason__in=OF_THE_HOUSE)
    failed = failed.exclude(note__startswith="stopped by ")
    for slide, reason in failed.order_by("id").values_list("slide__barcode", "reason"):
        if slide in sound:
            yield f"{slide} failed for {reason}, and nothing is wrong with it"


def _files(account: Account, ledger: Ledger) -> None:
    """Every acknowledged plane of a published run is in its file, as it was sent."""
    runs = {
        (slide, number): run.hex
        for slide, number, run in Attempt.objects.values_list("slide", "number", "run")
    }
    for row in VirtualSlide.objects.select_related("slide"):
        content = _read(row.file, row.sha256)
        if content is None:
            account.unreadable += 1
            account.problems.append(f"{row.path} is not what the record says")
            continue
        promised = ledger.acknowledged.get(runs[row.slide_id, row.attempt], {})
        lost = [plane for plane in promised if plane not in content]
        wrong = [plane for plane in promised if content.get(plane, promised[plane]) != promised[plane]]
        account.lost += len(lost)
        account.silent += len(wrong)
    scanned = Slide.objects.filter(state__in=PUBLISHED).exclude(virtual_slides__current=True)
    account.problems += [f"{slide} is published without a file" for slide in scanned]


def _read(path: Path, sha256: str) -> Mapping[tuple[int, ...], str] | None:
    if not path.is_file():
        return None
    raw = path.read_bytes()
    if hashlib.sha256(raw).hexdigest() != sha256:
        return None
    return {tuple(plane): pixels for plane, pixels in json.loads(raw)}


def _kept(account: Account, service: SlideService, ledger: Ledger) -> None:
    """What was acknowledged of a run without a file is in its journal."""
    for run_id, run in service.runs.items():
        promised = ledger.acknowledged.get(run_id, {})
        account.lost += sum(plane not in run.journal for plane in promised)
        account.silent += sum(run.journal.get(plane, pixels) != pixels for plane, pixels in promised.items())


def _journals(service: SlideService) -> Iterator[str]:
    """A journal goes when its slide is in the record; a failed run's is kept."""
    done = {run.hex for run in Attempt.objects.filter(state=Attempt.State.DONE).values_list("run", flat=True)}
    for run_id, run in service.runs.items():
        if run_id in done and run.result is not None:
            yield f"the journal of {run_id[:8]} is left, though its slide is in the record"
        elif run.result is None:
            yield f"run {run_id[:8]} is still open at the slide service"


def _steps_twice() -> Iterator[str]:
    """Each step of a slide begins where the one before it has ended, so nothing was done twice."""
    last: dict[str, str] = {}
    steps = SlideEvent.objects.order_by("id").values_list("slide__barcode", "source", "target", "verb")
    for slide, source, target, verb in steps:
        if source != last.get(slide, source):
            yield f"{slide}: {verb} from {source}, but it was {last[slide]}"
        last[slide] = target


def _scans_twice() -> Iterator[str]:
    """One scan of a slide is published; those that a person may choose from are attempts of their own."""
    done = Counter(Attempt.objects.filter(state=Attempt.State.DONE).values_list("slide__barcode", flat=True))
    for barcode, count in done.items():
        if count > 1:
            yield f"{barcode}: {count} attempts were published"
