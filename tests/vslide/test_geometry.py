import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vslide.errors import Damaged, NoSuchField
from vslide.geometry import box_of_um, place, place_table
from vslide.layout import positions_table
from vslide.model import Field, FieldKey

PLACE = st.integers(-300, 11_000)
FAR = st.floats(-5000, 5000)
FIELDS = st.lists(st.tuples(FAR, FAR, st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=60).map(
    lambda rows: tuple(Field(n, FieldKey(n, 0, z, t), x, y, 0.0) for n, (x, y, z, t) in enumerate(rows))
)


@settings(max_examples=200, deadline=None)
@given(FIELDS, PLACE, PLACE, st.integers(1, 4000), st.sampled_from([1, 4, 32]))
def test_it_finds_the_fields_that_meet_a_box(fields, left, top, side, level):
    placement = place(fields, 1.0, (72, 100))
    x, y = placement.at(level)
    tall, wide = placement.field_at(level)
    expected = [
        field.index
        for field in fields
        if (field.key.z, field.key.t) == (1, 0)
        and x[field.index] < left + side
        and x[field.index] + wide > left
        and y[field.index] < top + side
        and y[field.index] + tall > top
    ]
    assert placement.inside((left, top, side, side), level, 1, 0) == expected


@given(FIELDS, st.booleans())
def test_the_table_lays_out_as_the_fields_do(fields, registered):
    if registered:
        fields = tuple(
            Field(f.index, f.key, f.x_um, f.y_um, 0.0, f.x_um + f.index % 3, f.y_um - 1) for f in fields
        )
    one, other = place(fields, 0.5, (72, 100)), place_table(positions_table(fields), 0.5, (72, 100))
    assert one.size == other.size
    for name in ("x", "y", "z", "t"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


def test_one_field_without_registration_means_none_is():
    fields = (Field(0, FieldKey(0, 0), 0, 0, 0, 7, 7), Field(1, FieldKey(0, 1), 50, 0, 0))
    for found in (place(fields, 1, (10, 10)), place_table(positions_table(fields), 1, (10, 10))):
        assert found.x.tolist() == [0, 50]


@pytest.mark.parametrize("x", [float("nan"), float("inf"), 1e30])
def test_a_field_that_is_nowhere_is_refused(x):
    fields = (Field(0, FieldKey(0, 0), 0, 0, 0), Field(1, FieldKey(0, 1), x, 0, 0))
    with pytest.raises(Damaged):
        place(fields, 1, (10, 10))
    with pytest.raises(Damaged):
        place_table(positions_table(fields), 1, (10, 10))
    with pytest.raises(Damaged):
        place_table(positions_table(()), 1, (10, 10))


def test_a_box_in_micrometres_is_the_nearest_in_px():
    assert box_of_um(10, -5, 20.2, 0.01, 0.5) == (20, -10, 40, 1)
    for wrong in ((0, 0, 0, 5, 1), (0, 0, 5, 5, 0), (float("nan"), 0, 5, 5, 1), (0, 0, float("inf"), 5, 1)):
        with pytest.raises(NoSuchField):
            box_of_um(*wrong)
