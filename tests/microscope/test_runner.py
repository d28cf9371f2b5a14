import msgspec
import numpy as np
import pytest

from microscope.drivers.base import SnapshotImages
from microscope.errors import Blurred, FieldsMissing, FocusFailed, Jam, LampFailure, PlanInvalid
from microscope.plan import FocusPoint
from microscope.runner import run, try_focus
from tests.microscope.fakes import SIDE, FakeDriver, ListSink, small_plan
from tests.vslide.slides import decode_plane
from vslide.jpeg import decode_picture
from vslide.model import Channel


def test_it_delivers_every_plane_once_and_in_order():
    driver, sink, plan = FakeDriver(), ListSink(), small_plan()
    outcome = run(driver, plan, sink)
    assert (outcome.done, outcome.planned, outcome.stopped) == (36, 36, False)
    assert len(sink.planes) == len(sink.keys) == 36
    assert [(p.x_um, p.y_um) for p in sink.planes[::3]] == [(f.x_um, f.y_um) for f in plan.fields()]
    assert sink.flushed


def test_its_bytes_decode_to_what_the_camera_saw():
    sink = ListSink()
    run(FakeDriver(), small_plan(), sink)
    seventh = decode_plane(sink.planes[18].chunks, "uint8", (SIDE, SIDE), (SIDE, SIDE))
    assert np.all(seventh == 7)


def test_it_hands_over_one_jpeg_plane_a_field():
    sink, plan = ListSink(), small_plan(encoding="jpeg")
    keys = [field.key for field in plan.fields()]
    outcome = run(FakeDriver(), plan, sink, done={(keys[0], 0)})
    assert (outcome.done, outcome.planned) == (12, 12)
    assert [(plane.key, plane.channel) for plane in sink.planes] == [(key, 0) for key in keys[1:]]
    assert np.abs(decode_picture(sink.planes[6].chunks[0], SIDE, SIDE).astype(int) - 7).max() <= 1


def test_it_skips_what_is_durable_and_completes_half_fields():
    plan = small_plan()
    keys = [field.key for field in plan.fields()]
    done = {(key, channel) for key in keys[:5] for channel in range(3)} | {(keys[5], 1)}
    driver, sink = FakeDriver(), ListSink()
    outcome = run(driver, plan, sink, done=done)
    assert outcome.done == 36
    assert len(driver.moves) == 7
    assert sink.keys.isdisjoint(done)
    assert len(sink.keys | done) == 36


def test_it_stops_between_fields_when_asked():
    sink = ListSink()
    outcome = run(FakeDriver(), small_plan(), sink, should_stop=lambda: len(sink.planes) >= 9)
    assert outcome.stopped
    assert len(sink.planes) == 9


def test_it_tells_its_progress_in_planes():
    told: list[tuple[int, int]] = []
    run(
        FakeDriver(), small_plan(), ListSink(), on_progress=lambda done, planned: told.append((done, planned))
    )
    assert told == [(3 * (n + 1), 36) for n in range(12)]


def test_it_follows_the_focus_surface_and_the_layers():
    driver = FakeDriver()
    run(driver, small_plan(layers=3, layer_step_um=2.0), ListSink())
    first = [position.z_um for position in driver.moves[:3]]
    assert first == pytest.approx([49.016 + 0, 51.016, 53.016], abs=0.01)


def test_it_fails_with_too_few_focus_points():
    with pytest.raises(FocusFailed):
        run(FakeDriver(blind=4), small_plan(), ListSink())


def test_it_tries_to_focus_where_the_snapshot_shows_tissue():
    macro = np.full((208, 608, 3), 235, np.uint8)
    macro[80:140, 350:450] = (150, 90, 160)
    shot = SnapshotImages(macro, macro, 30.0, (0.0, 0.0))
    tried = try_focus(FakeDriver(blind=2), shot, 4)
    assert [point.z_um is None for point in tried] == [True, True, False, False]
    assert all(80 * 30 < point.y_um < 140 * 30 for point in tried)
    assert try_focus(FakeDriver(), shot, 0) == ()


def test_it_uses_heights_set_by_hand_without_focusing():
    points = tuple(FocusPoint(x, y, 7.0) for x, y in ((0, 0), (100, 0), (0, 100)))
    driver = FakeDriver(blind=99)
    run(driver, small_plan(focus_points=points), ListSink())
    assert {round(position.z_um, 6) for position in driver.moves} == {7.0}


def test_it_asks_again_for_a_picture_that_did_not_come():
    sink = ListSink()
    run(FakeDriver(faults={4: FieldsMissing("dropped"), 5: FieldsMissing("dropped")}), small_plan(), sink)
    assert len(sink.keys) == 36
    with pytest.raises(FieldsMissing):
        run(FakeDriver(faults={n: FieldsMissing("gone") for n in (4, 5, 6)}), small_plan(), ListSink())


@pytest.mark.parametrize("error", [Jam("stuck"), LampFailure("dark")])
def test_it_lets_the_instruments_faults_through(error):
    with pytest.raises(type(error)):
        run(FakeDriver(faults={3: error}), small_plan(), ListSink())


def test_it_notices_that_the_focus_drifted_away():
    driver = FakeDriver()
    driver.drift_um = 9.0
    with pytest.raises(Blurred):
        run(driver, small_plan(), ListSink())


def test_it_refuses_pictures_that_are_not_what_the_plan_says():
    plan = small_plan(modality="fluorescence", channels=(Channel("DAPI"),))
    with pytest.raises(PlanInvalid):
        run(FakeDriver(), plan, ListSink())


class Fluorescent(FakeDriver):
    """Knows three colours; a picture carries the number of its own, times the exposure."""

    factor = 1.0

    def describe(self):
        return msgspec.structs.replace(
            super().describe(), channels=tuple(map(Channel, ("DAPI", "FITC", "Cy5")))
        )

    def set_exposure(self, factor):
        self.factor = factor

    def expose(self, channel):
        return np.full((SIDE, SIDE), 100 * (1 + channel) * self.factor, np.uint16)


def colours_of(sink: ListSink) -> list[int]:
    return [int(decode_plane(p.chunks, "uint16", (SIDE, SIDE), (SIDE, SIDE))[0, 0]) for p in sink.planes]


def test_it_takes_the_colours_that_a_plan_names_and_no_other():
    sink = ListSink()
    run(Fluorescent(), small_plan(modality="fluorescence", channels=(Channel("Cy5"), Channel("FITC"))), sink)
    assert colours_of(sink)[:4] == [300, 200, 300, 200]
    with pytest.raises(PlanInvalid, match="Cy7"):
        run(Fluorescent(), small_plan(modality="fluorescence", channels=(Channel("Cy7"),)), ListSink())


def test_it_exposes_for_as_long_as_the_plan_says_where_the_scanner_can():
    plan, sink = small_plan(modality="fluorescence", channels=(Channel("DAPI"),), exposure=0.5), ListSink()
    run(Fluorescent(), plan, sink)
    assert set(colours_of(sink)) == {50}
    with pytest.raises(PlanInvalid, match="exposure"):
        run(FakeDriver(), small_plan(exposure=0.5), ListSink())
