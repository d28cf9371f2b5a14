"""What every driver must do. A driver's tests subclass ``DriverContract`` and say how to make one with glass
in a slot.
"""

import numpy as np
import pytest

from microscope.drivers.base import Driver
from microscope.errors import EmptySlot, FocusFailed, ScannerError
from microscope.focus import propose, sharpness
from microscope.plan import FocusPoint


class DriverContract:
    """Give a ``driver`` fixture whose carousel 1 has glass in slot 1 and none in slot 2."""

    @pytest.fixture
    def driver(self) -> Driver:
        raise NotImplementedError

    def points(self, driver: Driver) -> tuple[FocusPoint, ...]:
        driver.load(1, 1)
        shot = driver.snapshot()
        return propose(shot.macro, shot.um_per_px, shot.origin_um).points

    def test_it_describes_itself_before_anything_is_loaded(self, driver):
        info = driver.describe()
        assert info.protocol == 1
        assert info.field_width > 0
        assert info.pixel_size_um > 0
        assert set(info.modalities) <= {"brightfield", "fluorescence"}

    def test_it_photographs_glass_and_label(self, driver):
        driver.load(1, 1)
        shot = driver.snapshot()
        for picture in (shot.macro, shot.label):
            assert picture.dtype == np.uint8
            assert picture.ndim == 3
            assert picture.shape[2] == 3
        assert shot.um_per_px > 0

    def test_it_finds_focus_in_the_tissue_and_pictures_are_sharpest_there(self, driver):
        point = self.points(driver)[0]
        z = driver.autofocus(point.x_um, point.y_um)
        spread = []
        info = driver.describe()
        corner = (
            point.x_um - info.field_width * info.pixel_size_um / 2,
            point.y_um - info.field_height * info.pixel_size_um / 2,
        )
        for off in (0.0, 25.0):
            driver.move(*corner, z + off)
            pixels = driver.expose(0)
            spread.append(sharpness(pixels if pixels.ndim == 2 else pixels[..., 0]))
        assert spread[0] > spread[1]

    def test_it_gives_fields_of_the_size_it_describes(self, driver):
        info, point = driver.describe(), self.points(driver)[0]
        driver.move(point.x_um, point.y_um, driver.autofocus(point.x_um, point.y_um))
        pixels = driver.expose(0)
        assert pixels.shape[:2] == (info.field_height, info.field_width)
        assert (pixels.dtype, pixels.ndim) in ((np.dtype("uint8"), 3), (np.dtype("uint16"), 2))

    def test_it_reports_where_the_stage_came_to_rest(self, driver):
        driver.load(1, 1)
        reached = driver.move(30_000, 9_000, 80)
        assert reached.x_um == pytest.approx(30_000, abs=10)
        assert reached.y_um == pytest.approx(9_000, abs=10)

    def test_it_says_that_a_slot_is_empty(self, driver):
        with pytest.raises(EmptySlot):
            driver.load(1, 2)
        with pytest.raises(EmptySlot):
            driver.load(99, 1)

    def test_it_finds_no_focus_beside_the_tissue(self, driver):
        driver.load(1, 1)
        with pytest.raises(FocusFailed):
            driver.autofocus(23_000, 1_000)

    def test_it_refuses_to_leave_the_stage(self, driver):
        driver.load(1, 1)
        with pytest.raises(ScannerError):
            driver.move(1e7, 0, 0)

    def test_it_takes_pictures_of_nothing_only_with_glass_on_the_stage(self, driver):
        driver.load(1, 1)
        driver.unload()
        driver.unload()
        driver.park()
        with pytest.raises(ScannerError):
            driver.expose(0)
