"""The real Micro-Manager core with its DemoCamera: fluorescent beads that blur with the focus and move with
the stage.
"""

import importlib.util
import os
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vslide
from microscope.errors import FocusFailed, MicroscopeError
from microscope.focus import sharpness
from microscope.plan import FocusPoint, Rect, ScanPlan
from microscope.runner import run
from tests.faults.service import serving
from tests.microscope.contract import DriverContract
from tests.vslide.serving import ended
from vslide import codec
from vslide.client import SlideService
from vslide.model import FieldKey
from vslide.sink import ProxySink

if any(importlib.util.find_spec(name) is None for name in ("pymmcore", "mm_test_adapters")):
    if os.environ.get("CI") == "true":
        pytest.fail("pymmcore and mm-test-adapters are missing: install requirements-dev.lock")
    pytest.skip("the extra [micromanager] is not installed", allow_module_level=True)

import mm_test_adapters

from microscope.drivers.micromanager import MicroManagerDriver, RigInvalid, open_rig

RIG = """
configuration = "{libs}/MMConfig_demo.cfg"
adapters = ["{libs}"]
settings = [["Camera", "Mode", "Fluorescent Beads"], ["XY", "Velocity", "1000"]]
focus_um = [-14, 14]
overview = {{ x_um = 30000, y_um = 9000, width_um = 2000, height_um = 1500, step_um = 500 }}
channels = [
    {{ preset = "DAPI", name = "DAPI", exposure_ms = 10, excitation_nm = 360, emission_nm = 460 }},
    {{ preset = "FITC", name = "FITC", exposure_ms = 20 }},
]
"""
LIBS = Path(mm_test_adapters.__file__).parent / "libs"
MIDDLE = (30_600.0, 9_600.0)


def opened(folder: Path, text: str = RIG) -> MicroManagerDriver:
    (folder / "rig.toml").write_text(text.format(libs=LIBS))
    return open_rig(folder / "rig.toml")


@pytest.fixture
def driver(tmp_path):
    return opened(tmp_path)


def without_beads(driver: MicroManagerDriver) -> None:
    driver._core.setProperty("Camera", "Mode", "Noise")


class TestMicroManagerDriver(DriverContract):
    @pytest.fixture
    def driver(self, tmp_path):
        return opened(tmp_path)

    def points(self, driver):
        """There are beads everywhere: no tissue to be found on a snapshot."""
        driver.load(1, 1)
        return (FocusPoint(*MIDDLE),)

    def test_it_finds_no_focus_beside_the_tissue(self, driver):
        driver.load(1, 1)
        without_beads(driver)
        with pytest.raises(FocusFailed, match="nothing to focus on"):
            driver.autofocus(*MIDDLE)


def test_it_finds_the_height_at_which_the_beads_are_sharp(driver):
    """DemoCamera's are at 0."""
    driver.load(1, 1)
    found = [driver.autofocus(MIDDLE[0] + step, MIDDLE[1]) for step in (0.0, 700.0)]
    assert found == pytest.approx([0.0, 0.0], abs=0.3)


def test_it_says_when_the_focus_lies_beyond_its_range(tmp_path):
    driver = opened(tmp_path, RIG.replace("[-14, 14]", "[2, 30]"))
    driver.load(1, 1)
    with pytest.raises(FocusFailed, match="beyond 2 to 30"):
        driver.autofocus(*MIDDLE)


def test_it_turns_the_filters_and_exposes_for_the_channel(driver):
    driver.load(1, 1)
    driver.set_exposure(0.5)
    for channel, preset, exposure_ms in ((0, "DAPI", 5.0), (1, "FITC", 10.0)):
        driver.expose(channel)
        assert driver._core.getCurrentConfig("Channel") == preset
        assert driver._core.getExposure() == exposure_ms


def test_it_shows_an_overview_of_what_the_rig_names(driver):
    driver.load(1, 1)
    shot = driver.snapshot()
    assert shot.macro.shape == (3 * 16, 4 * 16, 3)
    assert (shot.um_per_px, shot.origin_um) == (500 / 16, (30_000, 9_000))
    assert shot.macro.max() > shot.macro.min()


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('preset = "FITC"', 'preset = "Tritium"', "no preset Tritium"),
        ("MMConfig_demo.cfg", "nowhere.cfg", "nowhere.cfg"),
        ("focus_um = [-14, 14]", "focus_um = [14, -14]", "from low to high"),
        ('["Camera", "Mode", "Fluorescent Beads"]', '["Camera", "Mood", "Gloomy"]', "Mood"),
        ("focus_um", "fokus_um", "fokus_um"),
    ],
)
def test_it_says_what_is_wrong_with_a_rig(tmp_path, before, after, says):
    with pytest.raises(RigInvalid, match=says):
        opened(tmp_path, RIG.replace(before, after))


def test_it_parks_without_a_word_when_a_device_fails(driver):
    driver.load(1, 1)
    driver._core.unloadAllDevices()
    driver.park()
    driver.load(1, 1)
    with pytest.raises(MicroscopeError):
        driver.move(1000, 1000, 0)


def test_a_whole_small_slide_is_scanned_into_the_real_slide_service(tmp_path, driver):
    plan = small_plan(driver)
    status = scanned(tmp_path, driver, plan)
    assert (status.state, status.received) == ("verified", plan.plane_count)
    with vslide.open(status.path) as slide:
        assert len(slide.fields) == plan.field_count
        places = {field.key: field for field in slide.fields}
        for planned in plan.fields():
            field = places[planned.key]
            assert (field.x_um, field.y_um) == pytest.approx((planned.x_um, planned.y_um), abs=0.05)
            assert field.z_um == pytest.approx(plan.layer_offset_um(planned.key.z), abs=0.5)
        picture = {key: slide.plane(field.index, 0) for key, field in places.items()}
    check_pixels(plan, picture)


def small_plan(driver: MicroManagerDriver) -> ScanPlan:
    """2 × 2 fields that repeat 64 px of each other, 3 layers, 2 colours: 24 planes."""
    info = driver.describe()
    area = Rect(30_000.0, 9_000.0, 512.0 + 448.0, 512.0 + 448.0)
    points = tuple(
        FocusPoint(30_000.0 + 400 * x, 9_000.0 + 400 * y) for x, y in ((1, 1), (2, 1), (1, 2), (2, 2))
    )
    return ScanPlan(
        area, points, info.field_width, info.field_height, info.pixel_size_um, overlap=0.125, layers=3,
        layer_step_um=4.0, channels=info.channels, modality="fluorescence",
    )  # fmt: skip


def scanned(folder: Path, driver: MicroManagerDriver, plan: ScanPlan):
    """Through the runner and the service's own processes."""
    chunk = codec.chunk_grid(plan.field_height, plan.field_width)
    run_id = uuid.uuid4().hex
    header = plan.header(slide_id=uuid.uuid4().hex, run_id=run_id, chunk=chunk, driver="micromanager")
    with serving(folder / "store") as service, SlideService(service.endpoint, retries=8) as client:
        opened = client.open_run(
            run_id=run_id, slide_id=header.slide_id, fence=1, header=header, planned=plan.plane_count
        )
        driver.load(1, 1)
        with ProxySink(opened.proxy, run_id, 1) as sink:
            outcome = run(driver, plan, sink)
        assert (outcome.done, outcome.stopped) == (plan.plane_count, False)
        client.finish(run_id, 1)
        return ended(client, run_id)


def check_pixels(plan: ScanPlan, picture: dict[FieldKey, Any]) -> None:
    """Neighbours show the same beads where they overlap, and the middle layer is the sharpest."""
    by_place = {(key.r, key.c, key.z): pixels for key, pixels in picture.items()}
    for a, b, of_a, of_b in (
        ((0, 0, 1), (0, 1, 1), np.s_[:, -64:], np.s_[:, :64]),
        ((0, 0, 1), (1, 0, 1), np.s_[-64:, :], np.s_[:64, :]),
    ):
        alike = np.corrcoef(by_place[a][of_a].ravel(), by_place[b][of_b].ravel())[0, 1]
        assert alike > 0.9
    for r in range(plan.rows):
        for c in range(plan.columns):
            layers = [sharpness(by_place[r, c, z]) for z in range(3)]
            assert layers[1] == max(layers)
