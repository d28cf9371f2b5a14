from pathlib import Path

import pytest

from core.errors import Unavailable
from lims.models import Batch, Slide
from lims.states import State
from scanning import services
from scanning.models import Attempt
from scanning.services.collecting import NotYetVerified
from tests.scanning.fakes import refusal
from tests.scanning.making import attempt_of, running_night
from tests.vslide.slides import brightfield, make_specimen, publish
from viewer.models import VirtualSlide
from vslide.messages import RunStatus
from wire import Timeout

pytestmark = pytest.mark.django_db


@pytest.fixture
def attempt(service) -> Attempt:
    """A scan that is complete: its slide is being built."""
    night = running_night()
    Attempt.objects.update(state="acquired", fence=1, planned_planes=12)
    Slide.objects.update(state=State.SCANNING)
    return attempt_of(night)


@pytest.fixture
def verified(attempt, service, settings) -> RunStatus:
    """What the service says of it once a real file is there."""
    manifest = publish(Path(settings.SLIDE_ROOT), make_specimen(brightfield(rows=2, columns=2)))
    status = RunStatus(
        run_id=attempt.run.hex, state="verified", path=str(manifest.path), sha256=manifest.sha256,
        bytes=manifest.bytes, received=12, planned=12,
    )  # fmt: skip
    service.states.append(status)
    return status


def test_a_verified_slide_comes_into_the_record_and_its_journal_goes(attempt, verified, service):
    services.collect(attempt=attempt)
    row = VirtualSlide.objects.get()
    assert (row.slide, row.current, row.sha256, row.fields) == (attempt.slide, True, verified.sha256, 4)
    assert (attempt_of(attempt.night).state, Slide.objects.get().state) == ("done", State.SCANNED)
    assert service.forgotten == [attempt.run.hex]
    assert Batch.objects.get().phase == Batch.Phase.MORNING


def test_collecting_twice_is_collecting_once(attempt, verified, service):
    services.collect(attempt=attempt)
    services.collect(attempt=Attempt.objects.select_related("slide", "night__batch").get())
    assert VirtualSlide.objects.count() == 1
    assert Slide.objects.get().events.filter(target=State.SCANNED).count() == 1


def test_a_journal_that_could_not_be_dropped_is_dropped_next_time(attempt, verified, service):
    service.refuses.append(Timeout("silent"))
    with pytest.raises(Unavailable):
        services.collect(attempt=attempt)
    assert (attempt_of(attempt.night).state, service.forgotten) == ("done", [])
    services.collect(attempt=Attempt.objects.select_related("slide", "night__batch").get())
    assert service.forgotten == [attempt.run.hex]


def test_it_waits_while_the_slide_is_built(attempt, service):
    service.states.append(RunStatus(run_id="", state="finalising"))
    with pytest.raises(NotYetVerified):
        services.collect(attempt=attempt)
    assert attempt_of(attempt.night).state == "acquired"


def test_a_service_that_forgot_to_finish_is_told_again(attempt, verified, service):
    service.states.appendleft(RunStatus(run_id="", state="receiving"))
    services.collect(attempt=attempt)
    assert service.finished == [attempt.run.hex]
    assert attempt_of(attempt.night).state == "done"


@pytest.mark.parametrize("error", [Timeout("silent"), refusal("busy", retryable=True)])
def test_a_service_that_is_away_is_asked_later(attempt, service, error):
    service.states.append(error)
    with pytest.raises(Unavailable):
        services.collect(attempt=attempt)
    assert attempt_of(attempt.night).state == "acquired"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"received": 10, "code": "damaged", "missing": [(0, 0, 0, 0, 1)]}, "missing_fields"),
        ({"received": 12, "code": "verify_failed"}, "verify_failed"),
        ({"received": 12, "code": "disk_full"}, "disk_full"),
        ({"received": 12, "code": "writer_lost"}, "slide_service"),
    ],
)
def test_a_slide_that_could_not_be_built_fails_for_its_reason(attempt, service, settings, facts, reason):
    settings.QUALITY_RESCANS = 0
    service.states.append(RunStatus(run_id="", state="failed", planned=12, error="as told", **facts))
    services.collect(attempt=attempt)
    found = attempt_of(attempt.night)
    assert (found.state, found.reason, found.message) == ("failed", reason, "as told")
    assert (Slide.objects.get().state, Slide.objects.get().failure) == (State.FAILED, reason)
    assert service.forgotten == []  # its journal is kept


def test_a_run_that_nobody_knows_fails(attempt, service):
    service.states.append(RunStatus(run_id="", state="unknown"))
    services.collect(attempt=attempt)
    assert attempt_of(attempt.night).reason == "slide_service"


@pytest.mark.parametrize("state", [State.FAILED, State.HELD])
def test_a_slide_that_a_person_took_out_stays_as_it_was_left(attempt, verified, state):
    Slide.objects.update(state=state)
    services.collect(attempt=attempt)
    assert (attempt_of(attempt.night).state, Slide.objects.get().state) == ("aborted", state)
    assert VirtualSlide.objects.count() == 0
    assert Batch.objects.get().phase == Batch.Phase.MORNING


def test_a_rescan_becomes_the_current_one(attempt, verified):
    VirtualSlide.objects.create(
        slide=attempt.slide, path="slides/old.h5", kind="mosaic", sha256="0" * 64, bytes=1, width=1, height=1,
        fields=1, channels=3, attempt=1,
    )  # fmt: skip
    services.collect(attempt=attempt)
    assert [row.current for row in VirtualSlide.objects.order_by("id")] == [False, True]
