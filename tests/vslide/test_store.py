import os

import numpy as np
import pytest

from tests.vslide.slides import make_header, make_specimen, publish
from vslide.errors import Damaged, NoSuchField, NotASlide, Truncated
from vslide.store import SlideFile


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    specimen = make_specimen(make_header(field_width=96, chunk_width=48))
    return publish(tmp_path_factory.mktemp("store"), specimen).path, specimen


def test_a_chunk_is_read_by_its_place(published):
    path, specimen = published
    with SlideFile(path) as file:
        key = file.fields[5].key
        assert np.array_equal(file.pixels(1, (5, 2, 0, 1))[0, 0], specimen.pixels[key, 2][:, 48:])
        assert len(file.plain(1, (5, 2, 0, 1))) == file.index(1).sizes[5, 2, 0, 1]
        assert file.name(1, (5, 2, 0, 1)) == (1, key.r, key.c, key.z, key.t, 2, 0, 1)


def test_what_is_expected_is_read_as_ever(published):
    path, _ = published
    with SlideFile(path) as file:
        places = [(group, channel, 0, 0) for group in range(4) for channel in range(4)]
        before = [file.stored(16, place) for place in places]
        file.expect(16, places)
        file.expect(16, [])
        assert [file.stored(16, place) for place in places] == before


def test_fields_are_made_when_somebody_asks(published):
    with SlideFile(published[0]) as file:
        assert "fields" not in vars(file)
        assert [field.index for field in file.fields] == list(range(30))


def test_it_names_a_level_that_is_not_there(published):
    with SlideFile(published[0]) as file, pytest.raises(NoSuchField):
        file.index(2)


def test_a_file_cut_short_is_told(published, tmp_path):
    path = tmp_path / "cut.h5"
    path.write_bytes(published[0].read_bytes())
    with SlideFile(path) as file:
        index = file.index(1)
        last = np.unravel_index(int(np.argmax(index.offsets)), index.offsets.shape)
        os.truncate(path, int(index.offsets[last]) + 5)
        with pytest.raises(Truncated):
            file.stored(1, tuple(int(one) for one in last))


def test_it_refuses_what_is_no_slide(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"hello")
    (tmp_path / "b.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 99)
    with pytest.raises(NotASlide):
        SlideFile(tmp_path / "a.h5")
    with pytest.raises(Damaged):
        SlideFile(tmp_path / "b.h5")
