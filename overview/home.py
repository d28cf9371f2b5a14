"""What needs this person now: a few figures with a link behind each, by role."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count
from django.urls import reverse

from annotation import queries as reading
from core.models import Job, User
from core.roles import Role
from corpus import queries as corpus
from corpus.models import Release
from deidentify import queries as clean
from lims.models import Batch, Slide
from lims.states import State
from overview import reports
from overview.reports import NightRow
from scanning import queries as scanner_room
from scanning.models import Alert, Night
from scanning.queries import Progress

MOST_MORNINGS = 3


@dataclass(frozen=True)
class Tile:
    value: object
    label: str
    href: str = ""
    tone: str = ""


@dataclass(frozen=True)
class NightLine:
    """A night that goes on, or a morning that waits for hands: one for each scanner and batch."""

    night: Night
    found: Progress
    expected_end: datetime | None

    @property
    def over(self) -> bool:
        return bool(self.night.batch.phase == Batch.Phase.MORNING)

    @property
    def href(self) -> str:
        name = "scanning:morning" if self.over else "scanning:night"
        return reverse(name, args=[self.night.batch_id])


@dataclass(frozen=True)
class Section:
    """One role's part of the page; `advice` says what to do next, also when there is nothing."""

    title: str
    tiles: list[Tile]
    advice: str
    href: str = ""
    action: str = ""
    nights: Sequence[NightLine] = ()


def _slides(**query: str) -> str:
    return f"{reverse('lims:slides')}?" + "&".join(f"{key}={value}" for key, value in query.items())


def _states() -> dict[str, int]:
    return dict(Slide.objects.order_by().values_list("state").annotate(n=Count("id")))


def bench(user: User) -> Section:
    """Doubtful slides, failures, the night that runs."""
    states = _states()
    doubtful, failed = states.get(State.REVIEW, 0), states.get(State.FAILED, 0)
    scanning, verdicts = states.get(State.SCANNING, 0), states.get(State.QUALITY, 0)
    batch = Batch.objects.exclude(phase=Batch.Phase.CLOSED).order_by("-id").first()
    tiles = [
        Tile(doubtful, "doubtful slides to look at", _review(), "doubt" if doubtful else ""),
        Tile(
            verdicts, "scans wait for a verdict", reverse("scanning:qualities"), "doubt" if verdicts else ""
        ),
        Tile(failed, "failed slides to rescan", _slides(state=State.FAILED), "bad" if failed else ""),
        Tile(scanning, "being scanned or built", _slides(state=State.SCANNING), "busy" if scanning else ""),
        *_alerts(),
    ]
    return Section("At the bench", tiles, *_next_step(batch, doubtful, verdicts), nights=_nights())


# What there is to do in each phase of the newest batch; in its morning that depends on what has failed.
ADVICE: Final[dict[str, tuple[str, str]]] = {
    Batch.Phase.LOADING: (
        "is being loaded. When the last carousel is in, start its snapshots.",
        "lims:batch",
    ),
    Batch.Phase.SNAPSHOTS: ("is being photographed. What is doubtful comes to you.", "scanning:night"),
    Batch.Phase.REVIEW: ("has no doubtful slide left: its night can start.", "scanning:night"),
    Batch.Phase.NIGHT: ("is being scanned. It goes on by itself.", "scanning:night"),
}


def _next_step(batch: Batch | None, doubtful: int, verdicts: int) -> tuple[str, str, str]:
    """(advice, where, what the button says)."""
    if doubtful:
        words = "Doubtful slides come first: each joins the night when somebody has looked at it."
        return words, _review(), "Look at the doubtful slides"
    if verdicts:
        words = "Doubtful scans wait for a verdict: until then nobody reads them."
        return words, reverse("scanning:qualities"), "Look at the doubtful scans"
    if batch is not None and batch.phase in ADVICE:
        words, page = ADVICE[batch.phase]
        return f"{batch.name} {words}", reverse(page, args=[batch.pk]), f"Open {batch.name}"
    over = scanner_room.mornings().first()
    if over is not None:
        words = f"{over.batch.name} is over and has failed slides: build their rescan carousel."
        return words, reverse("scanning:morning", args=[over.batch_id]), "See the morning"
    return (
        "No slide waits for a scan. Make a batch and load the carousels.",
        reverse("lims:batches"),
        "Batches",
    )


def _nights() -> list[NightLine]:
    """Every night that goes on, one for each scanner, then the newest mornings that have failed slides."""
    going = list(scanner_room.current_nights())
    over = scanner_room.mornings().exclude(pk__in=[night.pk for night in going])[:MOST_MORNINGS]
    lines = [(night, scanner_room.progress(night.batch)) for night in (*going, *over)]
    return [NightLine(night, found, scanner_room.expected_end(found)) for night, found in lines]


def _alerts() -> list[Tile]:
    kinds = scanner_room.open_alerts().values_list("kind", flat=True)
    if not kinds:
        return []
    wrong = set(kinds) - {Alert.Kind.NIGHT_ENDED}
    label = "open alert" if len(kinds) == 1 else "open alerts"
    return [Tile(len(kinds), label, reverse("scanning:alerts"), "bad" if wrong else "")]


def _review() -> str:
    """The review page of the batch with the most doubtful slides, or the list of them."""
    rows = Slide.objects.filter(state=State.REVIEW).values("slots__carousel__batch").annotate(n=Count("id"))
    first = rows.exclude(slots__carousel__batch=None).order_by("-slots__carousel__batch").first()
    if first is None:
        return _slides(state=State.REVIEW)
    return reverse("scanning:reviews", args=[first["slots__carousel__batch"]])


def desk(user: User) -> Section:
    """A pathologist's day."""
    load = next((load for load in reading.loads() if load.reader.user_id == user.pk), None)
    if load is None:
        return Section(
            "Reading", [], "You are not on the rota yet. A manager puts you there, under Assignments."
        )
    worklist = reverse("annotation:worklist")
    tiles = [
        Tile(load.open, "slides to read", worklist, "read" if load.open else ""),
        Tile(load.done, "submitted today", worklist, "good"),
        Tile(load.room, "room left today"),
    ]
    first = reading.worklist(user).first()
    if first is None:
        return Section("Reading", tiles, "Nothing to read. Slides come by themselves when they are clean.")
    return Section(
        "Reading",
        tiles,
        "The oldest case is first.",
        reverse("annotation:read", args=[first.pk]),
        "Read the next slide",
    )


def office(user: User) -> Section:
    """A manager's four numbers."""
    good = reports.first_pass_yield(reports.since(30))
    waiting = len(reading.waiting_slides())
    share = f"{100 * good.share:.0f} %" if good.share is not None else "–"
    figures = reverse("overview:figures")
    tiles = [
        Tile(share, "good at the first scan, 30 days", figures, "good"),
        _last_night(reports.throughput(reports.since(30))),
        *_alerts(),
        Tile(
            waiting,
            "clean slides without a reader",
            reverse("annotation:assignments"),
            "doubt" if waiting else "",
        ),
        Tile(
            sum(load.room for load in reading.loads()),
            "slides could still be read today",
            reverse("annotation:assignments"),
        ),
    ]
    advice = (
        "Slides wait for a reader: somebody needs room." if waiting else "No clean slide waits for a reader."
    )
    return Section("The laboratory", tiles, advice, figures, "All figures")


def _last_night(nights: Sequence[NightRow]) -> Tile:
    figures = reverse("overview:figures")
    if not nights:
        return Tile(0, "published in the last night", figures)
    return Tile(nights[-1].published, f"published in {nights[-1].night.batch.name}", figures)


def archive(user: User) -> Section:
    """What a data steward decides."""
    counts = clean.counts()
    held = counts["slides"].get("quarantined", 0) + counts["reports"].get("quarantined", 0)
    candidates = corpus.candidates()
    ready = sum(not candidate.problem for candidate in candidates)
    drafts = Release.objects.filter(state=Release.State.DRAFT)
    stopped = Release.objects.filter(state=Release.State.FAILED).count()
    releases = reverse("corpus:releases")
    tiles = [
        Tile(held, "in quarantine", reverse("deidentify:list"), "bad" if held else ""),
        Tile(
            counts["to_review"],
            "reports wait for people",
            reverse("deidentify:reviews"),
            "doubt" if counts["to_review"] else "",
        ),
        Tile(ready, "slides ready to leave", releases, "good" if ready else ""),
        Tile(drafts.count(), "drafts wait for a second person", releases, "doubt" if drafts else ""),
        Tile(stopped, "releases were stopped", releases, "bad" if stopped else ""),
    ]
    if held:
        words = "The gate holds something back: it leaves only when its cause is dealt with."
        return Section("Leaving the house", tiles, words, reverse("deidentify:list"), "See the quarantine")
    mine = drafts.exclude(created_by=user).first()
    if mine is not None:
        return Section("Leaving the house", tiles, f"{mine} waits for a second person.",
                       reverse("corpus:release", args=[mine.number]), f"Look at {mine}")  # fmt: skip
    advice = f"{ready} slides are ready to leave." if ready else "Nothing waits to leave."
    return Section("Leaving the house", tiles, advice, releases, "Releases")


def engine_room(user: User) -> Section:
    """What an administrator must know."""
    failed = Job.objects.filter(failed_at__isnull=False).count()
    waiting = Job.objects.filter(done_at=None, failed_at=None).count()
    tiles = [
        Tile(waiting, "jobs open"),
        Tile(failed, "jobs gave up", "", "bad" if failed else ""),
        Tile(User.objects.filter(is_active=True).count(), "people may log in"),
    ]
    advice = (
        "Jobs gave up: the worker's log names them."
        if failed
        else "Every job that was begun is done or under way."
    )
    return Section("Engine room", tiles, advice, reverse("lims:audit"), "Audit chain")


SECTIONS: Final[tuple[tuple[Role, Callable[[User], Section]], ...]] = (
    (Role.PATHOLOGIST, desk),
    (Role.TECHNICIAN, bench),
    (Role.STEWARD, archive),
    (Role.MANAGER, office),
    (Role.ADMINISTRATOR, engine_room),
)


def sections(user: User, roles: frozenset[str]) -> list[Section]:
    """The parts of this person's home. An administrator, who may do everything, sees everybody's but the
    reader's.
    """
    boss = Role.ADMINISTRATOR in roles
    return [make(user) for role, make in SECTIONS if role in roles or (boss and role != Role.PATHOLOGIST)]
