"""The persons of the demonstration: what a technician, two pathologists, a steward and an administrator do
with their hands.
"""

import math
import random
import uuid

from django.conf import settings

from annotation.models import Annotation, Assignment, Study
from annotation.services import enrol_reader, open_assignment, save_annotation, save_study, submit
from annotation.services.drawing import Stroke
from annotation.services.vocabulary import Word
from core.models import User
from core.roles import Role
from corpus.models import Release
from corpus.services import approve_release, create_release
from deidentify import reviewing
from deidentify.queries import to_review
from lims.models import Batch, Slide
from lims.services import advance
from lims.states import FailureReason, State
from microscope import Rect
from overview.demo.stage import Stage
from scanning import services as scanning
from scanning.models import Snapshot
from scanning.queries import waiting_for_verdict
from scanning.services.review import FEWEST_POINTS
from viewer.models import VirtualSlide

FINDINGS = (
    Word("Tumour", "#ff5533", "t"),
    Word("Stroma", "#33aaff", "s"),
    Word("Inflammation", "#ffd21e", "i"),
    Word("Necrosis", "#b07cff", "c"),
    Word("Benign", "#55cc66", "o"),
)
STUDY = "What is on the slide"
ASKED = {
    "question": "Outline what you find, and name it.", "tissues": [], "stains": "", "priority": 100,
    "second_reads": 0.0, "agreement": 0.6, "active": True,
}  # fmt: skip
CORNERS = 48
EVERY_DAY = [8.0] * 7  # a demonstration does not wait for Monday


def enrol_readers(cast: dict[str, User]) -> None:
    """Everybody reads on all days; one study gives the words to label with."""
    for user in User.objects.filter(groups__name=Role.PATHOLOGIST):
        enrol_reader(user=user, actor=cast["mara"], hours=EVERY_DAY)
    known = Study.objects.filter(name=STUDY).first()
    save_study(study=known, words=FINDINGS, actor=cast["mara"], **(ASKED | {"name": STUDY}))


def review_doubtful(stage: Stage, batch: Batch, technician: User) -> int:
    """Worst first: points are added where the tissue offers too few; a glass with nothing on it fails
    before the night.
    """
    waiting = scanning.doubtful(batch)
    for snapshot in waiting:
        if snapshot.area_width_um <= 0:
            advance(
                slide=snapshot.slide, to=State.FAILED, actor=technician, reason=FailureReason.NO_FOCUS_POINTS,
                note="no tissue to focus on",
            )  # fmt: skip
            stage.say(f"{snapshot.slide.barcode}: no tissue to focus on, failed before the night")
            continue
        if snapshot.points.count() < FEWEST_POINTS:
            snapshot = _add_points(snapshot, technician)
        scanning.accept(snapshot=snapshot, actor=technician)
    return len(waiting)


def _add_points(snapshot: Snapshot, technician: User) -> Snapshot:
    """Three more, spread over the scan area."""
    area = Rect(snapshot.area_x_um, snapshot.area_y_um, snapshot.area_width_um, snapshot.area_height_um)
    spread = [(0.3, 0.3), (0.7, 0.35), (0.5, 0.7)]
    points = [(point.x_um, point.y_um) for point in snapshot.points.all()]
    points += [(area.x_um + x * area.width_um, area.y_um + y * area.height_um) for x, y in spread]
    review = scanning.Review(area=area, points=points, version=snapshot.version, seconds=4.0)
    return scanning.save_review(snapshot=snapshot, review=review, actor=technician)


def judge_scans(stage: Stage, technician: User) -> None:
    """In the morning: scans that are sharp for the most part are taken, the others refused."""
    for quality in waiting_for_verdict():
        barcode = quality.attempt.slide.barcode
        if quality.focus >= settings.QUALITY_SHARP:
            scanning.accept_scan(quality=quality, actor=technician, note="good enough to read")
            stage.say(f"{barcode}: its scan was doubtful, and is accepted")
        else:
            scanning.refuse_scan(quality=quality, reason=FailureReason.BLURRED, actor=technician)
            stage.say(f"{barcode}: its scan was doubtful, and is refused")


def read_slides(slides: list[Slide], seed: int) -> int:
    """Every assigned slide is opened, outlined by its reader, commented and submitted."""
    waiting = list(
        Assignment.objects.filter(slide__in=slides, state=Assignment.State.OPEN).select_related(
            "reader__user", "slide"
        )
    )
    for assignment in waiting:
        reader = assignment.reader.user
        open_assignment(assignment=assignment, actor=reader)
        dice = random.Random(f"{seed} {assignment.slide.barcode}")
        for stroke in _strokes(assignment.slide, dice):
            save_annotation(slide=assignment.slide, stroke=stroke, actor=reader)
        submit(assignment=assignment, actor=reader, active_s=dice.uniform(60, 400))
    return len(waiting)


def _strokes(slide: Slide, dice: random.Random) -> list[Stroke]:
    """A freehand outline and a rectangle somewhere on the slide."""
    file = VirtualSlide.objects.get(slide=slide, current=True)
    x, y = file.width * dice.uniform(0.35, 0.65), file.height * dice.uniform(0.35, 0.65)
    reach = min(file.width, file.height) * dice.uniform(0.12, 0.25)
    angles = [2 * math.pi * corner / CORNERS for corner in range(CORNERS)]
    outline = [_wobble(x, y, reach, angle, dice) for angle in angles]
    box = [
        [x + dx * reach / 3, y + dy * reach / 3] for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
    ]
    return [
        _stroke(
            Annotation.Kind.FREEHAND,
            [*outline, outline[0]],
            dice.choice(FINDINGS).label,
            "Outlined in the demonstration.",
        ),
        _stroke(Annotation.Kind.RECTANGLE, box, dice.choice(FINDINGS).label, ""),
    ]


def _wobble(x: float, y: float, reach: float, angle: float, dice: random.Random) -> list[float]:
    radius = reach * (1 + 0.18 * math.sin(3 * angle) + dice.uniform(-0.05, 0.05))
    return [x + radius * math.cos(angle), y + radius * math.sin(angle)]


def _stroke(kind: str, ring: list[list[float]], label: str, comment: str) -> Stroke:
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return Stroke(client_id=uuid.uuid4(), kind=kind, geometry=geometry, label=label, comment=comment)


def review_reports(first: User, second: User) -> int:
    """Two people look at each clean report: one takes the findings for right, another signs."""
    waiting = list(to_review())
    for row in waiting:
        review = reviewing.open_review(row=row, actor=first)
        reviewing.accept_rest(review=review, version=review.version, actor=first)
        reviewing.finish(review=review, version=review.version, actor=first)
        reviewing.sign(review=review, version=review.version, actor=second)
    return len(waiting)


def release(stage: Stage, cast: dict[str, User]) -> Release:
    """One person makes the release, another approves it; a worker builds it and has every file searched
    again.
    """
    reason = "Simulated patients: there is nobody to be found"
    count = review_reports(cast["stella"], cast["adam"])
    stage.say(f"{count} reports reviewed by one person and signed by another")
    draft = create_release(actor=cast["stella"], small_cells_reason=reason)
    approve_release(release=draft, actor=cast["adam"])
    ended = (Release.State.PUBLISHED, Release.State.FAILED)

    def built() -> tuple[int, int, str]:
        draft.refresh_from_db()
        return int(draft.state in ended), 1, str(draft.get_state_display()).lower()

    stage.wait(f"release {draft.number}", built)
    if draft.state == Release.State.FAILED:
        stage.say(f"the release was stopped: {draft.problem}")
    return draft
