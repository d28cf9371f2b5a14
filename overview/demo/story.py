"""The story: forty slides from the carousel to a release, told through the same services that the pages
call.
"""

from dataclasses import asdict, dataclass, field

from annotation.models import Assignment
from core.models import User
from corpus.models import Release
from deidentify.models import DeidentifiedSlide
from lims import queries as record
from lims.demo import make_demo
from lims.models import SLOTS, Batch, Slide
from lims.services import Placement, build_rescan, create_batch, load
from lims.states import FailureReason, State
from overview.demo.people import enrol_readers, judge_scans, read_slides, release, review_doubtful
from overview.demo.stage import Stage
from overview.reports import lost_fields
from scanning import queries as scanner_room
from scanning import services as scanning
from scanning.boards import PUBLISHED, SKIPPED
from scanning.clients import scanners
from scanning.mornings import failures

READERS_SIDE = (State.ASSIGNED, State.READ, State.RELEASED)
PAST_DEIDENTIFICATION = (State.DEIDENTIFIED, *READERS_SIDE)


@dataclass
class Outcome:
    """What the demonstration says at its end; the JSON of `./nocturne demo --json`."""

    slides: int = 0
    published: int = 0
    failed: int = 0
    skipped: int = 0
    rescans: int = 0
    deidentified: int = 0
    read: int = 0
    released: int = 0
    phi_hits: int = 0
    lost_fields: int = 0
    elapsed_s: float = 0.0
    release_path: str = ""
    causes: dict[str, int] = field(default_factory=dict)

    @property
    def accounted(self) -> bool:
        whole = self.published + self.failed + self.skipped == self.slides
        return whole and self.lost_fields == 0 and self.phi_hits == 0

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def tell(*, stage: Stage, slides: int, seed: int) -> Outcome:
    """Run the whole story and count what became of every slide."""
    cast = {user.username: user for user in User.objects.all()}
    outcome = Outcome(slides=slides)
    made = _accession(stage, cast, slides, seed)
    batch = _night(stage, cast, "Night 1", made)
    _tell_causes(stage, batch, outcome)
    if record.slides_of(batch).filter(state=State.FAILED).exists():
        outcome.rescans = _rescan(stage, cast, batch)
    _readings(stage, made, seed)
    stage.heading("Release 1: built by a worker, every file searched once more, two people say yes")
    published = release(stage, cast)
    _count(outcome, made, published)
    outcome.elapsed_s = round(stage.elapsed_s, 1)
    return outcome


def _accession(stage: Stage, cast: dict[str, User], slides: int, seed: int) -> list[Slide]:
    stage.heading(f"Accession: {slides} slides of fictitious patients, a report per case")
    enrol_readers(cast)
    made = make_demo(slides=slides, seed=seed, actor=cast["tess"])
    stage.say(
        f"{len({slide.block.specimen.case_id for slide in made})} cases, {len(made)} slides with barcodes"
    )
    return made


def _night(stage: Stage, cast: dict[str, User], name: str, slides: list[Slide]) -> Batch:
    stage.heading(f"Loading {len(slides)} slides into {-(-len(slides) // SLOTS)} carousels")
    batch = create_batch(name=name, actor=cast["tess"])
    placements = [
        Placement(index // SLOTS + 1, index % SLOTS + 1, slide.barcode) for index, slide in enumerate(slides)
    ]
    load(batch=batch, placements=placements, actor=cast["tess"])
    _scan(stage, cast, batch)
    return batch


def _scan(stage: Stage, cast: dict[str, User], batch: Batch) -> None:
    """Snapshots, review, night: what the technician starts, and what the processes then do."""
    tess = cast["tess"]
    stage.heading("Snapshots: every glass photographed, label read, focus points proposed")
    scanning.start_snapshots(batch=batch, scanner=scanners()[0], actor=tess)
    stage.wait("snapshots", lambda: _snapshots(batch))
    safe = scanning.accept_safe(batch=batch, actor=tess)
    doubtful = review_doubtful(stage, batch, tess)
    stage.say(f"{safe} safe slides accepted in bulk, {doubtful} doubtful ones looked at by a technician")
    stage.heading("The night")
    scanning.start_night(batch=batch, actor=tess)
    stage.wait("scanned", lambda: _scanned(batch))
    judge_scans(stage, tess)
    batch.refresh_from_db()


def _snapshots(batch: Batch) -> tuple[int, int, str]:
    found = scanner_room.progress(batch)
    batch.refresh_from_db(fields=["phase"])
    done = found.slides if batch.phase != Batch.Phase.SNAPSHOTS else min(found.snapped, found.slides - 1)
    return done, found.slides, f"{found.doubtful} doubtful, {found.failed} failed"


def _scanned(batch: Batch) -> tuple[int, int, str]:
    found = scanner_room.progress(batch)
    batch.refresh_from_db(fields=["phase"])
    done = found.slides if batch.phase == Batch.Phase.MORNING else min(found.ended, found.slides - 1)
    running = (
        f"{found.running.slide.barcode} {found.running.done_planes}/{found.running.planned_planes}"
        if found.running
        else ""
    )
    left = f"about {found.left.total_seconds():.0f} s left" if found.left else ""
    return done, found.slides, ", ".join(part for part in (f"{found.failed} failed", running, left) if part)


def _tell_causes(stage: Stage, batch: Batch, outcome: Outcome) -> None:
    stage.heading("The morning")
    found = scanner_room.progress(batch)
    stage.say(found.words)
    for cause in failures(batch):
        outcome.causes[cause.reason] = len(cause.slides)
        stage.say(f"  {cause.label}: {', '.join(failed.slide.barcode for failed in cause.slides)}")


def _rescan(stage: Stage, cast: dict[str, User], batch: Batch) -> int:
    """One click builds the rescan carousel; attempt 2 is scanned; the number that succeeded."""
    stage.heading("Rescan: the failed slides in one carousel, attempt 2")
    again = build_rescan(batch=batch, actor=cast["tess"])
    _scan(stage, cast, again)
    found = scanner_room.progress(again)
    stage.say(f"{found.published} of {found.slides} succeeded on their second attempt")
    return found.published


def _readings(stage: Stage, made: list[Slide], seed: int) -> None:
    stage.heading("De-identification: slides and reports, each searched by a second program")
    ours = Slide.objects.filter(pk__in=[slide.pk for slide in made])

    def cleaned() -> tuple[int, int, str]:
        whole = ours.filter(state__in=PUBLISHED).count()
        held = DeidentifiedSlide.objects.filter(slide__in=ours, state="quarantined").count()
        done = ours.filter(state__in=PAST_DEIDENTIFICATION).count() + held
        return done, whole, f"{held} in quarantine" if held else ""

    stage.wait("de-identified", cleaned)
    stage.heading("Reading: assigned within the daily limit, annotated, submitted")
    stage.wait("assigned", lambda: _assigned(made))
    count = read_slides(made, seed)
    stage.say(f"{count} slides read, outlined and submitted by {_reader_count()} pathologists")


def _assigned(made: list[Slide]) -> tuple[int, int, str]:
    ours = Slide.objects.filter(pk__in=[slide.pk for slide in made])
    done = ours.filter(state__in=READERS_SIDE).count()
    return done, ours.filter(state__in=PAST_DEIDENTIFICATION).count(), ""


def _reader_count() -> int:
    return Assignment.objects.values("reader").distinct().count()


def _count(outcome: Outcome, made: list[Slide], published: Release) -> None:
    ours = Slide.objects.filter(pk__in=[slide.pk for slide in made])
    outcome.published = ours.filter(state__in=PUBLISHED).count()
    outcome.failed = ours.filter(state=State.FAILED, failure__in=FailureReason.values).count()
    outcome.skipped = ours.filter(state__in=SKIPPED).count()
    outcome.deidentified = ours.filter(state__in=PAST_DEIDENTIFICATION).count()
    outcome.read = ours.filter(state__in=[State.READ, State.RELEASED]).count()
    outcome.released = ours.filter(state=State.RELEASED).count()
    outcome.lost_fields = lost_fields(ours)
    outcome.phi_hits = int(published.stats.get("phi_hits", 0))
    outcome.release_path = published.path
