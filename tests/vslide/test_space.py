"""A disk that is full, and one that would be: on a real small file system where this user may mount one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.service import serving
from tests.vslide.serving import ended, open_run, send, small_specimen
from tests.vslide.slides import make_header, make_specimen
from vslide.client import SlideService
from vslide.journal import recover
from vslide.space import bytes_still_needed
from wire import Refused, RemoteError


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_stops_a_scan_that_goes_on_when_there_is_room(small_disk):
    specimen = small_specimen()
    planes, ballast = specimen.planes(), small_disk / "ballast"
    with (
        serving(small_disk / "store", "--reserve-mib", "0") as service,
        SlideService(service.endpoint) as client,
    ):
        first = open_run(client, specimen)
        send(first, planes[:6])
        ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - 8192))
        with pytest.raises(Refused) as refused:
            send(first, planes)
        assert (refused.value.code, refused.value.retryable) == ("disk_full", True)
        kept = recover(service.root / "journals" / f"run-{specimen.header.run_id}")
        assert 6 <= len(kept.planes) < len(planes)
        ballast.unlink()
        second = open_run(client, specimen, fence=2)
        send(second, planes)
        client.finish(specimen.header.run_id, 2)
        assert ended(client, specimen.header.run_id).state == "verified"


def test_room_is_kept_for_the_scans_that_are_under_way(tmp_path):
    big = make_header(rows=2, columns=3, field_width=4_000, field_height=4_000)
    needs = bytes_still_needed(big, 24, tmp_path)
    if shutil.disk_usage(tmp_path).free < 2 * needs:
        pytest.skip("too little room to leave room")
    reserve = (shutil.disk_usage(tmp_path).free - needs - needs // 2) >> 20
    with (
        serving(tmp_path / "store", "--reserve-mib", str(reserve)) as service,
        SlideService(service.endpoint) as client,
    ):
        client.open_run(run_id=big.run_id, slide_id=big.slide_id, fence=1, header=big, planned=24)
        other = make_header(rows=2, columns=3, field_width=4_000, field_height=4_000)
        with pytest.raises(RemoteError) as refused:
            client.open_run(run_id=other.run_id, slide_id=other.slide_id, fence=1, header=other, planned=24)
        assert refused.value.code == "disk_full"
        assert open_run(client, small_specimen()).proxy


def test_what_the_journal_holds_needs_no_room_again(tmp_path):
    specimen = make_specimen(make_header(rows=1, columns=2))
    before = bytes_still_needed(specimen.header, 8, tmp_path)
    (tmp_path / "seg-0000000001.journal").write_bytes(bytes(10_000))
    assert bytes_still_needed(specimen.header, 8, tmp_path) == before - 10_000
