"""Faults of the list that no room's own tests show (docs/faults.md)."""

import errno
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from django.core.checks import run_checks

from config import celery
from config.lab.layout import Lab
from config.lab.processes import processes
from tests.vslide.slides import make_header, make_specimen
from vslide.disk import Disk
from vslide.errors import JournalFailed
from vslide.journal import Journal, recover

Broker = Callable[[str], str]


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The laboratory's own broker, but with another memory policy; gives its address."""
    running: list[subprocess.Popen[bytes]] = []
    folder = tmp_path_factory.mktemp("b")
    lab = Lab(folder, "lab", "x", 1, 2, folder, ())
    lab.var.joinpath("broker").mkdir()

    def begin(policy: str) -> str:
        argv = list(next(row.argv for row in processes(lab) if row.name == "broker"))
        argv[argv.index("--maxmemory-policy") + 1] = policy or argv[argv.index("--maxmemory-policy") + 1]
        running.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL))
        while not lab.broker_socket.exists():
            assert running[-1].poll() is None
            time.sleep(0.02)
        return f"redis+socket://{lab.broker_socket}"

    yield begin
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_no_worker_starts_with_a_broker_that_forgets(broker: Broker, monkeypatch, policy: str):
    monkeypatch.setattr(celery.app.conf, "broker_url", broker(policy))
    with pytest.raises(SystemExit, match="noeviction"):
        celery.refuse_a_broker_that_forgets()


def test_the_laboratorys_own_broker_forgets_nothing(broker: Broker, monkeypatch):
    monkeypatch.setattr(celery.app.conf, "broker_url", broker(""))
    celery.refuse_a_broker_that_forgets()


def test_no_worker_starts_when_a_task_may_outlive_the_brokers_patience(settings):
    assert not [found for found in run_checks() if found.id == "core.E001"]
    celery.refuse_unsafe_settings()
    settings.CELERY_TASK_TIME_LIMIT = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] // 2
    assert [found for found in run_checks() if found.id == "core.E001"]
    with pytest.raises(SystemExit, match="outlive"):
        celery.refuse_unsafe_settings()


class Withdrawn(Disk):
    """A mount that has become something else, or a process that may open nothing more."""

    error = 0

    def _ask(self) -> None:
        if self.error:
            raise OSError(self.error, os.strerror(self.error))

    def create(self, path: Path) -> int:
        self._ask()
        return super().create(path)

    def open(self, path: Path) -> int:
        self._ask()
        return super().open(path)

    def write(self, handle: int, buffers: Sequence[bytes | memoryview], at: int) -> int:
        self._ask()
        return super().write(handle, buffers, at)


@pytest.mark.parametrize("error", ["EROFS", "ESTALE", "ENOLCK", "EDQUOT"])
def test_a_mount_that_is_withdrawn_costs_nothing_that_was_acknowledged(tmp_path: Path, error: str):
    header, disk = make_header(), Withdrawn()
    planes = make_specimen(header).planes()
    with Journal.create(tmp_path / "run", header, header.run_id, 1, 24, disk) as journal:
        journal.append(planes[0], 0)
        journal.commit()
        disk.error = getattr(errno, error)
        with pytest.raises(JournalFailed):
            journal.append(planes[1], 1)
    disk.error = 0
    with Journal.create(tmp_path / "run", header, header.run_id, 2, 24, disk) as journal:
        assert journal.durable() == {(planes[0].key, planes[0].channel)}
        journal.append(planes[1], 1)
        journal.commit()
    assert len(recover(tmp_path / "run").planes) == 2


@pytest.mark.parametrize("error", ["EMFILE", "ENFILE", "ENOSPC"])
def test_a_process_that_may_open_nothing_more_says_so_and_leaves_the_run_to_the_next(
    tmp_path: Path, error: str
):
    """No descriptor, or no inode."""
    header, disk = make_header(), Withdrawn()
    planes = make_specimen(header).planes()
    with Journal.create(tmp_path / "run", header, header.run_id, 1, 24, disk) as journal:
        journal.append(planes[0], 0)
        journal.commit()
    disk.error = getattr(errno, error)
    with pytest.raises(JournalFailed):
        Journal.create(tmp_path / "run", header, header.run_id, 2, 24, disk)
    disk.error = 0
    with Journal.create(tmp_path / "run", header, header.run_id, 3, 24, disk) as journal:
        assert journal.durable() == {(planes[0].key, planes[0].channel)}
