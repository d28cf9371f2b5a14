from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from microscope import barcode
from microscope.clock import ScaledClock
from microscope.drivers.simulated import SimulatedDriver
from microscope.drivers.simulated.doubts import DOUBTS
from microscope.drivers.simulated.faults import STRUCK_BY_RATE, fault_of
from microscope.errors import EmptySlot, FocusFailed, JobRefused, ScannerError
from microscope.focus import Proposal, propose, sharpness
from microscope.messages import Glass
from microscope.plan import ScanPlan
from microscope.runner import Outcome, run
from tests.microscope.contract import DriverContract
from tests.microscope.fakes import ListSink

STAINS = ("H&E", "IHC", "IF4")


def scanner(tmp_path: Path, glass: Glass) -> SimulatedDriver:
    driver = SimulatedDriver(1, ScaledClock(), tmp_path, failure_rate=0.0)
    driver.place(1, 1, glass)
    return driver


def proposal(driver: SimulatedDriver) -> Proposal:
    driver.load(1, 1)
    shot = driver.snapshot()
    return propose(shot.macro, shot.um_per_px, shot.origin_um)


def plan_of(found: Proposal, driver: SimulatedDriver) -> ScanPlan:
    assert found.area is not None
    return ScanPlan(found.area, found.points, 512, 512, driver.describe().pixel_size_um)


@pytest.mark.parametrize("stain", STAINS)
class TestContract(DriverContract):
    @pytest.fixture
    def driver(self, tmp_path, stain):
        return scanner(tmp_path, Glass("S26-00001-A1", stain, seed=7))


@pytest.mark.parametrize("stain", STAINS)
def test_it_shows_the_same_field_twice_and_another_elsewhere(tmp_path, stain):
    driver = scanner(tmp_path, Glass("A1", stain, seed=3))
    area = proposal(driver).area
    assert area is not None
    pictures = []
    for shift in (0, 300, 0):
        driver.move(area.x_um + 900 + shift, area.y_um + 700, 90.0)
        pictures.append(driver.expose(0))
    assert np.array_equal(pictures[0], pictures[2])
    assert not np.array_equal(pictures[0], pictures[1])


def test_its_fields_overlap_like_one_specimen(tmp_path):
    driver = scanner(tmp_path, Glass("A1", "H&E", seed=3))
    found = proposal(driver)
    z = driver.autofocus(found.points[0].x_um, found.points[0].y_um)
    x, y = found.points[0].x_um - 256, found.points[0].y_um - 256
    driver.move(x, y, z)
    left = driver.expose(0)[:, 256:].astype(float)
    driver.move(x + 256, y, z)
    right = driver.expose(0)[:, :256].astype(float)
    assert np.corrcoef(left[8:-8, 8:-8].ravel(), right[8:-8, 8:-8].ravel())[0, 1] > 0.8


def test_its_fluorescence_is_dark_noise_around_the_black_level_beside_the_tissue(tmp_path):
    driver = scanner(tmp_path, Glass("A1", "IF4", seed=3))
    driver.load(1, 1)
    driver.move(22_500, 500, 90.0)
    dark = driver.expose(2)
    assert dark.dtype == np.uint16
    assert 97 < dark.mean() < 103
    assert 3 < dark.std() < 12


def test_it_keeps_its_glass_when_the_process_dies(tmp_path):
    scanner(tmp_path, Glass("A1", "IHC", seed=3))
    reborn = SimulatedDriver(1, ScaledClock(), tmp_path)
    reborn.load(1, 1)
    assert barcode.read(reborn.snapshot().label) == "A1"
    reborn.place(1, 1, None)
    with pytest.raises(EmptySlot):
        SimulatedDriver(1, ScaledClock(), tmp_path).load(1, 1)


def test_most_slides_are_safe_and_a_faint_one_is_not(tmp_path):
    risks = [proposal(scanner(tmp_path, Glass(f"A{n}", STAINS[n % 3], seed=n))).risk for n in range(12)]
    assert sum(risk.safe for risk in risks) >= 10
    assert not proposal(scanner(tmp_path, Glass("F", "H&E", 5, None, "no_focus_points"))).risk.safe


def test_a_faint_slide_fails_to_focus_until_it_is_tried_thoroughly(tmp_path):
    driver = scanner(tmp_path, Glass("F", "H&E", 5, None, "no_focus_points"))
    plan = plan_of(proposal(driver), driver)
    driver.load(1, 1)
    with pytest.raises(FocusFailed):
        run(driver, plan, ListSink())
    driver.load(1, 1, attempt=2)
    assert run(driver, plan, ListSink()).done == plan.plane_count


@pytest.mark.parametrize("flaw", STRUCK_BY_RATE)
def test_every_flaw_strikes_the_first_attempt_with_its_own_code_and_not_the_second(tmp_path, flaw):
    driver = scanner(tmp_path, Glass("A1", "H&E", 4))
    plan = plan_of(proposal(driver), driver)
    driver.place(1, 1, Glass("A1", "H&E", 4, None, flaw))

    def attempt(number: int) -> Outcome:
        driver.load(1, 1, attempt=number)
        return run(driver, plan, ListSink())

    with pytest.raises(ScannerError) as caught:
        attempt(1)
    assert caught.value.code == flaw
    assert not attempt(2).stopped


def test_label_flaws_hide_or_change_the_barcode(tmp_path):
    def photographed(flaw: str | None) -> str | None:
        driver = scanner(tmp_path, Glass("S26-00001-A1", "H&E", 4, None, flaw))
        driver.load(1, 1)
        return barcode.read(driver.snapshot().label)

    assert photographed(None) == "S26-00001-A1"
    assert photographed("barcode_unreadable") is None
    assert photographed("barcode_mismatch") == "S26-00001-A2"


def test_chance_strikes_about_as_often_as_stated_and_always_the_same():
    glasses = [Glass(f"N{n}", "H&E", n) for n in range(4000)]
    first = [fault_of(1, glass, 1, 0.02) for glass in glasses]
    assert 50 < sum(fault is not None for fault in first) < 115
    assert first == [fault_of(1, glass, 1, 0.02) for glass in glasses]
    assert sum(fault_of(1, glass, 2, 0.02) is not None for glass in glasses) < 25


def test_a_blurred_slide_is_blurred_indeed(tmp_path):
    driver = scanner(tmp_path, Glass("A1", "H&E", 4))
    found = proposal(driver)
    x, y = found.points[0].x_um - 256, found.points[0].y_um - 256
    z = driver.autofocus(found.points[0].x_um, found.points[0].y_um)
    driver.move(x, y, z)
    sharp = sharpness(driver.expose(0)[..., 1])
    driver.place(1, 1, Glass("A1", "H&E", 4, None, "blurred"))
    driver.load(1, 1)
    driver.move(x, y, z)
    assert sharpness([driver.expose(0) for _ in range(14)][-1][..., 1]) < sharp / 4


def test_it_scans_a_picture_of_ones_own(tmp_path):
    picture = np.zeros((700, 900, 3), np.uint8)
    picture[:] = (200, 40, 90)
    path = tmp_path / "own.png"
    Image.fromarray(picture).save(path)
    driver = scanner(tmp_path / "state", Glass("A1", "IHC", 2, str(path)))
    area = proposal(driver).area
    assert area is not None
    assert area.width_um == pytest.approx(900 + 200, abs=150)
    driver.move(area.x_um + 300, area.y_um + 250, 0.0)
    assert np.abs(driver.expose(0)[256, 256].astype(int) - (200, 40, 90)).max() < 12


def test_it_refuses_a_flaw_and_a_picture_that_there_are_not(tmp_path):
    with pytest.raises(JobRefused):
        scanner(tmp_path, Glass("A1", "H&E", 1, None, "gremlins"))
    driver = scanner(tmp_path, Glass("A1", "H&E", 1, str(tmp_path / "nowhere.png")))
    with pytest.raises(ScannerError) as refused:
        driver.load(1, 1)
    assert "nowhere.png" in str(refused.value)


@pytest.mark.parametrize("stain", STAINS)
def test_a_glaring_glass_is_overexposed_until_it_is_exposed_for_less(tmp_path, stain):
    driver = scanner(tmp_path, Glass("A1", stain, 4, None, "saturated"))
    point = proposal(driver).points[0]
    driver.move(point.x_um - 256, point.y_um - 256, driver.autofocus(point.x_um, point.y_um))

    def at_the_top() -> float:
        pixels = driver.expose(0)
        return float((pixels == np.iinfo(pixels.dtype).max).mean())

    assert at_the_top() > 0.02
    driver.set_exposure(0.5)
    assert at_the_top() < 0.002


@pytest.mark.parametrize("stain", STAINS)
def test_a_wrong_focus_plan_gives_blurred_fields(tmp_path, stain):
    driver = scanner(tmp_path, Glass("A1", stain, seed=7))
    point = proposal(driver).points[0]
    z_um = driver.truth.height_um(point.x_um, point.y_um)

    def seen(miss_um: float) -> float:
        driver.move(point.x_um - 256, point.y_um - 256, z_um + miss_um)
        pixels = driver.expose(0)
        return sharpness(pixels if pixels.ndim == 2 else pixels[..., 1])

    sharp, near, off, far = (seen(miss) for miss in (0.0, 1.0, 4.0, -12.0))
    assert near > 0.9 * sharp
    assert off < 0.6 * sharp
    assert far < off


@pytest.mark.parametrize("doubt", DOUBTS)
def test_doubtful_glasses_look_and_focus_as_they_are(tmp_path, doubt):
    """Each shows its own trouble, and the same one every time."""
    driver = scanner(tmp_path, Glass("A1", "H&E", 11, None, doubt))
    found = proposal(driver)
    assert found == proposal(driver)
    truth = driver.truth
    match doubt:
        case "no_tissue":
            assert found.area is None
        case "dirty" | "marked":
            speck = truth.specks[0]
            place = truth.place_um[0] + speck.x_um, truth.place_um[1] + speck.y_um
            assert driver.autofocus(*place) > truth.height_um(*place) + 100
        case _:
            assert len(found.points) >= 3
    assert (truth.ground.buckle_um > 0) is (doubt == "buckled")
