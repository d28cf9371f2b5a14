"""The disk below journal and slide: what it promises itself, and what becomes of it when it refuses."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vslide.slides import make_header, make_specimen, write_journal
from vslide.build import build
from vslide.disk import DISK, Disk
from vslide.errors import DiskFailed, JournalFailed
from vslide.fsck import fsck
from vslide.journal import Journal, recover
from vslide.orders import FORGOTTEN, forget_run, remove_forgotten
from vslide.verify import verify_slide


class _Refusing(Disk):
    """Says EIO to one kind of call while `refuses` names it."""

    refuses = ""

    def _ask(self, name: str) -> None:
        if self.refuses == name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def sync_data(self, handle: int) -> None:
        self._ask("sync_data")
        super().sync_data(handle)

    def unlink(self, path: Path) -> None:
        self._ask("unlink")
        super().unlink(path)

    def sync_directory(self, path: Path) -> None:
        self._ask("sync_directory")
        super().sync_directory(path)


def test_it_writes_more_buffers_than_one_call_takes(tmp_path):
    pieces = [bytes([number % 256]) * number for number in range(1500)]
    handle = DISK.create(tmp_path / "file")
    assert DISK.write(handle, pieces, 7) == 7 + sum(range(1500))
    DISK.close(handle)
    assert (tmp_path / "file").read_bytes() == bytes(7) + b"".join(pieces)


@pytest.mark.parametrize("call", [DISK.create, lambda path: DISK.link(path.with_name("other"), path)])
def test_it_never_overwrites(tmp_path, call):
    DISK.write_file(tmp_path / "file", b"first")
    DISK.write_file(tmp_path / "other", b"second")
    with pytest.raises(FileExistsError):
        call(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"first"


def test_what_was_not_synced_is_not_there_for_the_next_fence(tmp_path):
    specimen, disk = make_specimen(make_header(rows=1, columns=2)), _Refusing()
    planes, header = specimen.planes(), specimen.header
    with Journal.create(tmp_path / "run", header, header.run_id, 1, 8, disk) as journal:
        journal.append(planes[0], 0)
        journal.commit()
        journal.append(planes[1], 1)
        disk.refuses = "sync_data"
        with pytest.raises(JournalFailed):
            journal.commit()
        disk.refuses = ""
    with Journal.create(tmp_path / "run", header, header.run_id, 2, 8, disk) as heir:
        assert heir.durable() == {(planes[0].key, 0)}


def test_a_late_writer_whose_sync_fails_takes_nothing_from_the_next_fence(tmp_path):
    specimen, disk = make_specimen(make_header(rows=1, columns=2)), _Refusing()
    planes, header = specimen.planes(), specimen.header
    with Journal.create(tmp_path / "run", header, header.run_id, 1, 8, disk) as late:
        late.append(planes[0], 0)
        with Journal.create(tmp_path / "run", header, header.run_id, 2, 8) as heir:
            assert heir.durable() == {(planes[0].key, 0)}
        disk.refuses = "sync_data"
        with pytest.raises(JournalFailed):
            late.commit()
    assert set(recover(tmp_path / "run").planes) == {(planes[0].key, 0)}


def test_fsck_removes_the_drafts_of_dead_processes(tmp_path):
    journal = write_journal(tmp_path / "run", make_specimen(make_header(rows=1, columns=1)))
    drafts = ["seg-0000000002.draft-7", ".run.json.7", ".result.json.7", ".abc.7.part.h5"]
    for name in drafts:
        (tmp_path / "run" / name).write_bytes(b"half")
    assert sum(finding.fault for finding in fsck(tmp_path)) == len(drafts)
    assert not any(finding.fault for finding in fsck(tmp_path, repair=True))
    assert list((tmp_path / "run").iterdir()) == [journal]


def test_a_run_keeps_everything_until_it_has_durably_lost_its_name(tmp_path):
    write_journal(tmp_path / "run", make_specimen(make_header(rows=1, columns=1)))
    disk = _Refusing()
    disk.refuses = "sync_directory"
    with pytest.raises(OSError, match="Input/output"):
        forget_run(tmp_path / "run", disk)
    assert len(recover(tmp_path / f"{FORGOTTEN}run").planes) == 4
    remove_forgotten(tmp_path / f"{FORGOTTEN}run")
    assert list(tmp_path.iterdir()) == []


def test_a_slide_whose_name_may_not_be_durable_is_not_told(tmp_path):
    write_journal(tmp_path / "run", make_specimen(make_header(rows=1, columns=1)))
    disk = _Refusing()
    build(tmp_path / "run", tmp_path / "slides")
    disk.refuses = "sync_directory"
    with pytest.raises(DiskFailed):
        build(tmp_path / "run", tmp_path / "slides", disk=disk)


_SMALL = """
import resource, sys
from pathlib import Path
from vslide.build import build
from vslide.errors import DiskFailed
run, slides = map(Path, sys.argv[1:])
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
for size in (100, 20_000, 80_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, unlimited[1]))
    try:
        build(run, slides)
    except DiskFailed as error:
        print(error.code, [path.name for path in slides.rglob("*.part*")])
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
print(build(run, slides).path)
"""


def test_a_build_that_hdf5_itself_cannot_write_ends_typed_and_leaves_no_draft(tmp_path):
    write_journal(tmp_path / "run", make_specimen(make_header(rows=2, columns=2)))
    command = [sys.executable, "-c", _SMALL, str(tmp_path / "run"), str(tmp_path / "slides")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *refused, path = done.stdout.splitlines()
    assert refused == ["disk_failed []"] * 3
    assert verify_slide(Path(path)) == []
