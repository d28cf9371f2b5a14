import errno
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.vslide.slides import Specimen, decode_plane, make_header, make_specimen, write_journal
from vslide.disk import Disk
from vslide.errors import Conflict, InvalidHeader, JournalFailed, NoSpace, NotASlide, StaleFence
from vslide.journal import Journal, read_plane, recover
from vslide.model import Plane


def make_small(**changes: Any) -> Specimen:
    return make_specimen(make_header(rows=2, columns=3, **changes))


def test_it_gives_back_every_plane_byte_for_byte(tmp_path):
    specimen = make_specimen(make_header(channels=make_header().channels[:3]))
    write_journal(tmp_path / "run", specimen)
    found = recover(tmp_path / "run")
    assert len(found.planes) == 90
    assert (found.header, found.planned, found.cut_bytes) == (specimen.header, 90, 0)
    for (key, channel), record in found.planes.items():
        pixels = decode_plane(read_plane(record).chunks, "uint16", (72, 100), specimen.header.chunk_shape)
        assert np.array_equal(pixels, specimen.pixels[key, channel])


@pytest.mark.parametrize("seed", range(10))
def test_it_survives_a_cut_at_any_byte_and_goes_on(tmp_path, seed):
    specimen = make_small()
    path = write_journal(tmp_path / "run", specimen)
    ends = [record.end for record in recover(path.parent).planes.values()]
    opening = recover(path.parent).planes
    cut = random.Random(seed).randrange(
        min(record.offset for record in opening.values()), path.stat().st_size
    )
    os.truncate(path, cut)
    kept = sum(end <= cut for end in ends)
    with Journal.resume(path.parent) as journal:
        assert len(journal.durable()) == kept
        written = [journal.append(plane, n) for n, plane in enumerate(specimen.planes())]
        journal.commit()
    assert sum(written) == len(ends) - kept
    assert len(recover(path.parent).planes) == len(ends)
    assert recover(path.parent).damaged == ()


def test_it_loses_one_plane_to_one_flipped_bit_and_says_so(tmp_path):
    path = write_journal(tmp_path / "run", make_small())
    sound = list(recover(path.parent).planes.values())
    for _ in range(40):
        data = bytearray(path.read_bytes())
        at = random.Random(_).randrange(sound[0].offset, len(data))
        data[at] ^= 1 << (at % 8)
        path.write_bytes(data)
        found = recover(path.parent)
        hit = next(record for record in sound if record.offset <= at < record.end)
        assert set(found.planes) == {(r.key, r.channel) for r in sound} - {(hit.key, hit.channel)}
        assert found.damaged or found.cut_bytes
        data[at] ^= 1 << (at % 8)
        path.write_bytes(data)


def test_a_higher_fence_takes_over_and_the_late_writer_changes_nothing(tmp_path):
    specimen, directory = make_small(), tmp_path / "run"
    planes, header = specimen.planes(), specimen.header
    with Journal.create(directory, header, header.run_id, 1, 24) as zombie:
        zombie.append(planes[0], 0)
        zombie.commit()
        with Journal.create(directory, header, header.run_id, 2, 24) as heir:
            assert heir.durable() == {(planes[0].key, 0)}
            zombie.append(planes[1], 1)
            zombie.commit()
            heir.append(planes[2], 2)
            heir.commit()
    assert set(recover(directory).planes) == {(planes[0].key, 0), (planes[2].key, 2)}
    with pytest.raises(StaleFence):
        Journal.create(directory, header, header.run_id, 1, 24)


def test_it_knows_a_duplicate_from_a_conflict(tmp_path):
    specimen = make_small()
    first, second = specimen.planes()[:2]
    with Journal.create(tmp_path / "run", specimen.header, specimen.header.run_id, 1, 24) as journal:
        assert journal.append(first, 0)
        assert not journal.append(first, 1)
        with pytest.raises(Conflict):
            journal.append(Plane(first.key, first.channel, 0, 0, 0, second.chunks), 2)


def test_it_acknowledges_nothing_before_the_commit(tmp_path):
    specimen = make_small()
    with Journal.create(tmp_path / "run", specimen.header, specimen.header.run_id, 1, 24) as journal:
        journal.append(specimen.planes()[0], 0)
        assert journal.durable() == set()
        journal.commit()
        assert len(journal.durable()) == 1


def test_it_stops_for_good_after_a_failed_sync(tmp_path, monkeypatch):
    specimen = make_small()
    with Journal.create(tmp_path / "run", specimen.header, specimen.header.run_id, 1, 24) as journal:
        journal.append(specimen.planes()[0], 0)

        def fail(_handle):
            raise OSError(errno.EIO, "broken")

        monkeypatch.setattr(os, "fdatasync", fail)
        with pytest.raises(JournalFailed):
            journal.commit()
        monkeypatch.undo()
        with pytest.raises(JournalFailed):
            journal.commit()
        assert journal.durable() == set()


class _FullDisk(Disk):
    """Takes no more bytes while it is ``full``."""

    full = False

    def write(self, handle: int, buffers: Sequence[bytes | memoryview], at: int) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "full")
        return super().write(handle, buffers, at)


def test_a_full_disk_keeps_what_was_committed(tmp_path):
    specimen, disk = make_small(), _FullDisk()
    planes, header = specimen.planes(), specimen.header
    with Journal.create(tmp_path / "run", header, header.run_id, 1, 24, disk) as journal:
        journal.append(planes[0], 0)
        journal.commit()
        disk.full = True
        with pytest.raises(NoSpace):
            journal.append(planes[1], 1)
        disk.full = False
        assert journal.append(planes[1], 1)
        journal.commit()
    assert len(recover(tmp_path / "run").planes) == 2


def test_it_refuses_what_does_not_fit_the_header(tmp_path):
    specimen = make_small()
    plane = specimen.planes()[0]
    with Journal.create(tmp_path / "run", specimen.header, specimen.header.run_id, 1, 24) as journal:
        for wrong in (
            Plane(plane.key, 0, float("nan"), 0, 0, plane.chunks),
            Plane(plane.key, 9, 0, 0, 0, plane.chunks),
            Plane(plane.key, 0, 0, 0, 0, plane.chunks * 2),
        ):
            with pytest.raises(InvalidHeader):
                journal.append(wrong, 0)


def test_it_names_a_directory_without_a_journal(tmp_path):
    with pytest.raises(NotASlide):
        recover(tmp_path)
    (tmp_path / "seg-0000000001.journal").write_bytes(random.Random(3).randbytes(5000))
    with pytest.raises(NotASlide):
        recover(tmp_path)


_WRITER = """
import sys
from typing import Any
from pathlib import Path
from tests.vslide.slides import Specimen, decode_plane, make_header, make_specimen
from vslide.journal import Journal
specimen = make_specimen(make_header(rows=10, columns=10))
with Journal.create(Path(sys.argv[1]), specimen.header, specimen.header.run_id, 1, 400) as journal:
    for sequence, plane in enumerate(specimen.planes()):
        journal.append(plane, sequence)
        journal.commit()
        print(plane.key.r, plane.key.c, plane.channel, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [3, 57])
def test_it_keeps_every_acknowledged_plane_through_a_kill(tmp_path, acknowledged):
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(acknowledged)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
    found = recover(tmp_path / "run")
    kept = {(key.r, key.c, channel) for key, channel in found.planes}
    assert {tuple(map(int, line.split())) for line in lines if line.count(" ") == 2} <= kept
    assert found.damaged == ()
