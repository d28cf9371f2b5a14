"""Live preview: a journal that grows while it is read."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import vslide
from tests.vslide.slides import make_header, make_specimen
from vslide.errors import NoSuchField, NotASlide
from vslide.journal import Journal
from vslide.readers.journal import JournalSlide


@pytest.fixture
def specimen():
    return make_specimen(make_header(rows=4, columns=5))


def opened(directory: Path, specimen, fence: int = 1) -> Journal:
    header = specimen.header
    return Journal.create(directory, header, header.run_id, fence, len(specimen.planes()))


def append(journal: Journal, planes) -> None:
    for plane in planes:
        journal.append(plane, 0)
    journal.commit()


def bytes_read() -> int:
    """Of this process so far, by all its read calls."""
    return int(Path("/proc/self/io").read_text().split()[1])


def test_it_reads_only_what_came_since(tmp_path, specimen):
    planes = specimen.planes()
    size = sum(map(len, planes[0].chunks))
    with opened(tmp_path, specimen) as journal:
        append(journal, planes[:72])
        with JournalSlide(tmp_path) as live:
            assert len(live.fields) == 18
            append(journal, planes[72:76])
            before = bytes_read()
            assert live.refresh() == 19
            assert 4 * size < bytes_read() - before < 6 * size + 10_000
            before = bytes_read()
            assert live.refresh() == 19
            assert bytes_read() - before < 10_000


def test_a_field_appears_when_all_its_colours_are_here(tmp_path, specimen):
    planes = specimen.planes()
    with opened(tmp_path, specimen) as journal:
        append(journal, planes[:3])
        with pytest.raises(NoSuchField):
            JournalSlide(tmp_path)
        append(journal, planes[4:8])
        with JournalSlide(tmp_path) as live:
            assert [field.key for field in live.fields] == [planes[4].key]
            append(journal, planes[3:4])
            assert live.refresh() == 2
            assert [field.key for field in live.fields] == [planes[4].key, planes[0].key]
            assert np.array_equal(live.plane(1, 3), specimen.pixels[planes[0].key, 3])


def test_it_follows_a_take_over(tmp_path, specimen):
    planes = specimen.planes()
    with opened(tmp_path, specimen) as journal:
        append(journal, planes[:40])
    with JournalSlide(tmp_path) as live, opened(tmp_path, specimen, fence=2) as journal:
        assert np.array_equal(live.plane(3, 1), specimen.pixels[planes[12].key, 1])  # its segment is renamed
        append(journal, planes[40:])
        assert live.refresh() == 20
        width, height = live.size
        assert np.array_equal(live.region(0, 0, width, height), specimen.mosaic())


def test_many_threads_read_while_it_grows(tmp_path, specimen):
    planes = specimen.planes()
    with opened(tmp_path, specimen) as journal, ThreadPoolExecutor(6) as pool:
        append(journal, planes[:4])
        with JournalSlide(tmp_path) as live:

            def look(turn: int) -> bool:
                if turn % 4 == 0:
                    live.refresh()
                index = turn % len(live.fields)
                live.region(0, 0, *live.size, level=8)
                return np.array_equal(live.plane(index, 1), specimen.pixels[live.fields[index].key, 1])

            looks = []
            for first in range(4, len(planes), 4):
                append(journal, planes[first : first + 4])
                looks += [pool.submit(look, first + turn) for turn in range(5)]
            assert all(one.result() for one in looks)
            live.refresh()
            assert np.array_equal(live.region(0, 0, *live.size), specimen.mosaic())


def test_a_damaged_record_costs_its_field_only(tmp_path, specimen):
    planes = specimen.planes()
    with opened(tmp_path, specimen) as journal:
        append(journal, planes)
        path = journal.path
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with JournalSlide(tmp_path) as live:
        assert len(live.fields) == 19
        for field in live.fields:
            assert np.array_equal(live.plane(field.index, 0), specimen.pixels[field.key, 0])


def test_a_journal_that_is_gone_is_no_slide(tmp_path, specimen):
    with opened(tmp_path, specimen) as journal:
        append(journal, specimen.planes())
    with vslide.open(tmp_path) as live:
        for segment in tmp_path.iterdir():
            segment.unlink()
        with pytest.raises(NotASlide):
            live.plane(0, 0)
