import math
import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microscope.errors import PlanInvalid
from microscope.plan import Rect, ScanPlan
from tests.microscope.fakes import small_plan
from vslide.model import Channel, FieldKey


def test_it_walks_in_a_serpentine():
    keys = [field.key for field in small_plan().fields()]
    assert keys[:5] == [FieldKey(0, 0), FieldKey(0, 1), FieldKey(0, 2), FieldKey(0, 3), FieldKey(1, 3)]
    assert len(keys) == len(set(keys)) == small_plan().field_count == 12


def test_it_takes_all_layers_before_the_stage_moves():
    plan = small_plan(layers=3, times=2, layer_step_um=2.0)
    fields = list(plan.fields())
    assert [field.key for field in fields[:4]] == [*(FieldKey(0, 0, z) for z in range(3)), FieldKey(0, 1, 0)]
    assert [field.index for field in fields] == list(range(plan.field_count)) == list(range(72))
    assert [plan.layer_offset_um(z) for z in range(3)] == [-2.0, 0.0, 2.0]


def test_it_takes_a_mosaic_for_each_colour_when_told_to():
    channels = (Channel("DAPI"), Channel("FITC"))
    plan = small_plan(modality="fluorescence", channels=channels, colours="mosaic")
    taken = [channels for _, channels in plan.exposures()]
    assert taken == [(0,)] * 12 + [(1,)] * 12


def test_a_jpeg_plan_has_one_plane_a_field():
    plan = small_plan(encoding="jpeg", colours="mosaic")
    assert plan.plane_count == plan.field_count == 12
    assert [channels for _, channels in plan.exposures()] == [(0,)] * 12
    header = plan.header(slide_id=uuid.uuid4().hex, run_id=uuid.uuid4().hex, chunk=(32, 32))
    assert (header.encoding, header.planes) == ("jpeg", 1)


def test_it_travels_unchanged():
    plan = small_plan(layers=2, encoding="jpeg")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(plan), type=ScanPlan) == plan


@pytest.mark.parametrize(
    "change",
    [
        {"overlap": 1.0},
        {"layers": 26},
        {"pixel_size_um": 0.0},
        {"pixel_size_um": math.nan},
        {"area": Rect(0, 0, -1, 5)},
        {"area": Rect(0, 0, 1e9, 1e9)},
        {"channels": ()},
        {"channels": (Channel("only"),)},
        {"modality": "fluorescence", "encoding": "jpeg"},
    ],
)
def test_it_refuses_what_cannot_be_scanned(change):
    with pytest.raises(PlanInvalid):
        small_plan(**change)


sizes = st.floats(1, 5000)


@given(sizes, sizes, st.floats(0, 0.9), st.floats(0.1, 5))
def test_its_fields_cover_the_area_and_no_row_is_idle(width, height, overlap, pixel_size):
    plan = small_plan(
        area=Rect(10, 20, width, height),
        overlap=overlap,
        pixel_size_um=pixel_size,
        field_width=512,
        field_height=400,
    )
    step_x, step_y = plan.step_um
    assert (plan.columns - 1) * step_x + 512 * pixel_size >= width * (1 - 1e-6)
    assert (plan.rows - 1) * step_y + 400 * pixel_size >= height * (1 - 1e-6)
    assert plan.columns == 1 or (plan.columns - 2) * step_x + 512 * pixel_size < width


def test_its_exposure_is_written_into_the_header_and_old_plans_have_none():
    channels = (Channel("DAPI", exposure_ms=20), Channel("FITC"))
    plan = small_plan(modality="fluorescence", channels=channels, exposure=0.5)
    header = plan.header(slide_id=uuid.uuid4().hex, run_id=uuid.uuid4().hex, chunk=(32, 32))
    assert [channel.exposure_ms for channel in header.channels] == [10, None]
    old = msgspec.to_builtins(small_plan())
    del old["exposure"]
    assert msgspec.convert(old, ScanPlan).exposure == 1.0
    with pytest.raises(PlanInvalid):
        small_plan(exposure=0.0)
