import cv2
import pytest

from core.errors import Conflict, NotNow, Unavailable
from core.models import Job
from lims.models import Batch, Slide
from lims.states import State
from microscope.barcode import draw_label
from microscope.messages import JobStatus
from scanning import services
from scanning.clients import ScannerAway, ScannerTaken
from scanning.models import Night, Snapshot
from tests.lims.making import loaded, slide
from tests.scanning.fakes import macro, refusal
from tests.scanning.making import night_with, scanner_row, slots_of
from wire import Timeout, WireError

pytestmark = pytest.mark.django_db


@pytest.fixture
def night(scanner) -> Night:
    """One loaded slide, in the snapshot phase, whose label the fake scanner reads rightly."""
    made = night_with(State.LOADED, phase=Batch.Phase.SNAPSHOTS)
    scanner.barcode = slots_of(made)[0].barcode
    return made


def snapped(night: Night) -> Slide:
    services.snap(slot=slots_of(night)[0], night=night)
    return Slide.objects.get()


def test_a_good_glass_is_snapped_with_area_and_points(night):
    assert snapped(night).state in {State.SNAPPED, State.REVIEW}
    found = Snapshot.objects.get()
    assert found.points.count() >= 3
    assert found.area_width_um > 0
    assert found.macro_file.is_file()
    assert found.label_file.is_file()
    assert "fake" not in found.macro  # a random id, never a name


def test_a_glass_with_no_tissue_comes_to_a_person(night, scanner):
    scanner.macro = macro(tissue=False)
    assert snapped(night).state == State.REVIEW
    found = Snapshot.objects.get()
    assert (found.risk, found.points.count(), found.area_width_um) == (1.0, 0, 0.0)
    assert found.reasons == ["no tissue found"]


def test_the_label_is_read_here_when_the_scanner_could_not(night, scanner):
    label = draw_label(str(scanner.barcode))
    scanner.label, scanner.barcode = cv2.imencode(".png", label)[1].tobytes(), None
    assert snapped(night).state != State.FAILED
    assert Snapshot.objects.get().barcode_read == slots_of(night)[0].barcode


def test_an_unreadable_label_fails_the_slide_and_keeps_the_photograph(night, scanner):
    scanner.barcode, scanner.label = None, macro(tissue=False)
    found = snapped(night)
    assert (found.state, found.failure) == (State.FAILED, "barcode_unreadable")
    assert Snapshot.objects.count() == 1


def test_another_slides_label_fails_the_slide(night, scanner):
    scanner.barcode = "B-OTHER"
    found = snapped(night)
    assert (found.state, found.failure) == (State.FAILED, "barcode_mismatch")
    assert "B-OTHER" in found.events.latest("pk").note


@pytest.mark.parametrize("code", ["jam", "empty_slot", "lamp", "power_cut"])
def test_a_fault_of_the_instrument_fails_the_slide_for_its_reason(night, scanner, code):
    scanner.snapshot = JobStatus(job_id="", state="failed", code=code, message="as told")
    found = snapped(night)
    assert (found.state, found.failure) == (State.FAILED, code)


def test_a_snapshot_that_never_ends_is_a_stall(night, scanner):
    scanner.snapshot = JobStatus(job_id="", state="running")
    assert snapped(night).failure == "stall"


@pytest.mark.parametrize("error", [Timeout("silent"), refusal("busy", retryable=True)], ids=["away", "busy"])
def test_what_passes_is_tried_again_and_changes_nothing(night, scanner, error):
    scanner.snapshot = error
    with pytest.raises((WireError, Unavailable)) as raised:
        snapped(night)
    assert getattr(raised.value, "retryable", False)
    assert Slide.objects.get().state == State.LOADED


def test_a_slide_is_photographed_once(night, scanner):
    first = snapped(night).state
    services.snap(slot=slots_of(night)[0], night=night)
    assert (Slide.objects.get().state, len(scanner.snaps)) == (first, 1)


def test_asking_again_asks_for_the_same_job(night, scanner):
    snapped(night)
    Slide.objects.update(state=State.LOADED)
    snapped(night)
    assert len({job for job, _, _ in scanner.snaps}) == 1
    assert Snapshot.objects.count() == 1


def test_the_phase_ends_with_the_last_slide(night):
    batch = night.batch
    assert not services.end_snapshots_if_done(batch=batch)
    snapped(night)
    assert services.end_snapshots_if_done(batch=batch)
    assert Batch.objects.get().phase == Batch.Phase.REVIEW


def test_starting_rings_for_every_slide(technician):
    batch = loaded(slide(), slide(), slide())
    night = services.start_snapshots(batch=batch, scanner=scanner_row(), actor=technician)
    jobs = Job.objects.filter(task="scanning.snap", queue="scanner.one")
    assert {job.args["slot_id"] for job in jobs} == {slot.pk for slot in slots_of(night)}
    assert Batch.objects.get().phase == Batch.Phase.SNAPSHOTS
    with pytest.raises(Conflict):
        services.start_snapshots(batch=batch, scanner=scanner_row(), actor=technician)


def test_a_load_that_is_not_what_was_meant_does_not_start(technician):
    one = slide()
    batch = loaded(one)
    Slide.objects.filter(pk=one.pk).update(state=State.SCANNED)
    slots_of_batch = batch.carousels.get().slots.get()
    type(slots_of_batch).objects.update(slide=None)
    with pytest.raises(Conflict):
        services.start_snapshots(batch=batch, scanner=scanner_row(), actor=technician)
    assert Batch.objects.get().phase == Batch.Phase.LOADING


def test_a_scanner_has_one_night_at_a_time(technician):
    night_with(State.READY, name="First")
    batch = loaded(slide(), name="Second")
    with pytest.raises(Conflict):
        services.start_snapshots(batch=batch, scanner=scanner_row(), actor=technician)
    assert services.start_snapshots(batch=batch, scanner=scanner_row("two"), actor=technician).pk


def test_a_scanner_that_is_away_or_taken_costs_no_try(scanner, technician):
    night = night_with(State.LOADED, phase=Batch.Phase.SNAPSHOTS)
    slot, scanner.away = slots_of(night)[0], 1
    with pytest.raises(ScannerAway):
        services.snap(slot=slot, night=night)
    services.lock(scanner=night.scanner, reason="lamp", actor=technician)
    with pytest.raises(ScannerTaken):
        services.snap(slot=slot, night=Night.objects.select_related("scanner").get())
    assert issubclass(ScannerAway, NotNow)
    assert issubclass(ScannerTaken, NotNow)
    assert scanner.snaps == []
