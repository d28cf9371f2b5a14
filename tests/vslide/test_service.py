"""The slide service as real processes: what was acknowledged is there, whoever is killed and whoever
knocks.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest

import vslide
from tests.faults.service import Service, serving, writers_of
from tests.vslide.serving import ended, eventually, open_run, send, small_specimen
from vslide.client import SlideService
from vslide.journal import Journal, segments
from vslide.sink import ProxySink
from wire import Refused, RemoteError


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("service") / "store") as running:
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[SlideService]:
    with SlideService(service.endpoint) as asked:
        yield asked


def journal_of(service: Service, run_id: str) -> Path:
    return service.root / "journals" / f"run-{run_id}"


def same_pixels(path: str, specimen) -> bool:
    with vslide.open(path) as slide:
        return all(
            np.array_equal(slide.plane(field.index, channel), specimen.pixels[field.key, channel])
            for field in slide.fields
            for channel in range(len(slide.channels))
        )


def test_a_run_becomes_a_verified_slide_and_its_journal_goes(client, service):
    specimen = small_specimen()
    run = open_run(client, specimen)
    send(run, specimen.planes())
    assert client.finish(run.run_id, 1).state in {"receiving", "finalising"}
    status = ended(client, run.run_id)
    assert (status.state, status.received, status.planned) == ("verified", 24, 24)
    assert same_pixels(status.path, specimen)
    assert client.forget(run.run_id).path == status.path
    assert not journal_of(service, run.run_id).exists()
    assert client.ask(run.run_id).state == "unknown"
    assert Path(status.path).exists()
    with pytest.raises(RemoteError, match="a slide already") as refused:
        open_run(client, specimen, fence=2)  # somebody who stood still
    assert refused.value.code == "stale_fence"


def test_opening_twice_is_one_run_with_what_is_safe_by_now(client, service):
    specimen = small_specimen()
    first = open_run(client, specimen)
    assert first.durable == []
    send(first, specimen.planes()[:7])
    again = eventually(lambda: open_run(client, specimen), lambda run: len(run.durable) == 7)
    assert (again.proxy, again.fence) == (first.proxy, 1)
    assert client.ask(first.run_id).received == 7
    client.abort(first.run_id, 1)


def test_a_lower_fence_is_refused_everywhere(client):
    specimen = small_specimen()
    run = open_run(client, specimen, fence=5)
    for ask in (
        lambda: open_run(client, specimen, fence=4),
        lambda: client.finish(run.run_id, 4),
        lambda: client.abort(run.run_id, 4),
    ):
        with pytest.raises(RemoteError) as refused:
            ask()
        assert refused.value.code == "stale_fence"
    with pytest.raises(Refused) as refused_stream:
        ProxySink(run.proxy, run.run_id, 4)
    assert refused_stream.value.code == "stale_fence"
    client.abort(run.run_id, 5)


def test_the_same_fence_for_another_slide_is_refused(client):
    specimen, other = small_specimen(), small_specimen()
    run = open_run(client, specimen)
    with pytest.raises(RemoteError) as refused:
        client.open_run(
            run_id=run.run_id, slide_id=other.header.slide_id, fence=1, header=specimen.header, planned=24
        )
    assert refused.value.code == "stale_fence"
    client.abort(run.run_id, 1)


def test_a_higher_fence_takes_over_and_knows_what_is_safe(client):
    specimen = small_specimen()
    planes = specimen.planes()
    first = open_run(client, specimen)
    send(first, planes[:10])
    second = open_run(client, specimen, fence=2)
    safe = {(plane.key.r, plane.key.c, plane.key.z, plane.key.t, plane.channel) for plane in planes[:10]}
    assert set(second.durable) == safe
    with ProxySink(second.proxy, second.run_id, 2) as sink:
        assert sink.durable == {(plane.key, plane.channel) for plane in planes[:10]}
    send(second, planes[10:])
    client.finish(second.run_id, 2)
    status = ended(client, second.run_id)
    assert status.state == "verified"
    assert same_pixels(status.path, specimen)


def test_a_takeover_with_another_header_fails_and_says_so(client):
    specimen = small_specimen()
    send(open_run(client, specimen), specimen.planes()[:3])
    header = specimen.header
    with pytest.raises(RemoteError) as refused:
        client.open_run(
            run_id=header.run_id,
            slide_id=header.slide_id,
            fence=2,
            header=replace(header, rows=3),
            planned=36,
        )
    assert refused.value.code == "invalid_header"
    assert len(open_run(client, specimen, fence=3).durable) == 3  # the right one goes on
    client.abort(header.run_id, 3)


def test_a_finished_run_with_planes_missing_fails_names_them_and_keeps_its_journal(client, service):
    specimen = small_specimen()
    planes = specimen.planes()
    run = open_run(client, specimen)
    send(run, planes[:-2])
    client.finish(run.run_id, 1)
    status = ended(client, run.run_id)
    assert (status.state, status.code, status.received) == ("failed", "damaged", 22)
    lost = [(p.key.r, p.key.c, p.key.z, p.key.t, p.channel) for p in planes[-2:]]
    assert sorted(status.missing) == sorted(lost)
    assert "22 of 24" in status.error
    assert segments(journal_of(service, run.run_id))
    with pytest.raises(RemoteError):
        client.forget(run.run_id)


def test_a_field_that_never_came_is_named_too(client):
    specimen = small_specimen()
    run = open_run(client, specimen)
    send(run, specimen.planes()[4:])
    client.finish(run.run_id, 1)
    assert len(ended(client, run.run_id).missing) == 4


def test_a_run_that_failed_is_taken_up_again_by_a_higher_fence(client):
    specimen = small_specimen()
    planes = specimen.planes()
    run = open_run(client, specimen)
    send(run, planes[:20])
    client.finish(run.run_id, 1)
    assert ended(client, run.run_id).state == "failed"
    again = open_run(client, specimen, fence=2)
    assert len(again.durable) == 20
    send(again, planes[20:])
    client.finish(run.run_id, 2)
    assert ended(client, run.run_id).state == "verified"


def test_abort_ends_a_run_once_and_keeps_its_journal(client, service):
    specimen = small_specimen()
    run = open_run(client, specimen)
    send(run, specimen.planes()[:5])
    status = client.abort(run.run_id, 1, "lamp")
    assert (status.state, status.code, status.error) == ("failed", "aborted", "lamp")
    assert client.abort(run.run_id, 1, "again").error == "lamp"
    assert segments(journal_of(service, run.run_id))


def test_abort_leaves_no_draft_of_the_slide(client, service):
    specimen = small_specimen()
    run = open_run(client, specimen)
    send(run, specimen.planes()[:5])
    slide = service.root / "slides" / specimen.header.slide_id
    eventually(lambda: list(slide.glob("*")), bool)
    client.abort(run.run_id, 1, "lamp")
    assert list(slide.glob("*")) == []


def test_abort_leaves_a_verified_slide_alone(client):
    specimen = small_specimen()
    run = open_run(client, specimen)
    send(run, specimen.planes())
    client.finish(run.run_id, 1)
    assert ended(client, run.run_id).state == "verified"
    assert client.abort(run.run_id, 1).state == "verified"


@pytest.mark.parametrize("run_id", ["../../etc", "", "A" * 32, "0" * 31])
def test_a_run_id_that_is_none_is_refused(client, run_id):
    with pytest.raises(RemoteError) as refused:
        client.ask(run_id)
    assert refused.value.code == "not_a_slide"


def test_a_killed_writer_comes_back_where_it_was(client, service):
    specimen = small_specimen(rows=6)
    planes = specimen.planes()
    run = open_run(client, specimen)
    before = client.health().respawned
    with ProxySink(run.proxy, run.run_id, 1) as sink:
        for number, plane in enumerate(planes):
            sink.put(plane)
            if number in {10, 40}:
                for pid in writers_of(service.process.pid):
                    os.kill(pid, signal.SIGKILL)
        sink.flush(30)
    assert client.health().respawned > before
    assert open_run(client, specimen).proxy == run.proxy
    client.finish(run.run_id, 1)
    status = ended(client, run.run_id)
    assert status.state == "verified"
    assert same_pixels(status.path, specimen)


def test_a_writer_that_is_killed_while_it_builds_builds_again(client, service):
    specimen = small_specimen()
    run = open_run(client, specimen)
    send(run, specimen.planes())
    client.finish(run.run_id, 1)
    for pid in writers_of(service.process.pid):
        os.kill(pid, signal.SIGKILL)
    assert ended(client, run.run_id).state == "verified"


@pytest.mark.parametrize("when", ["while it follows", "when all is sent"])
def test_a_slide_is_made_without_its_follower_and_its_checker(client, service, when):
    specimen = small_specimen()
    run = open_run(client, specimen)
    send(run, specimen.planes()[: 12 if when == "while it follows" else None])
    for process in _helpers(service):
        process.kill()
    send(run, specimen.planes())
    client.finish(run.run_id, 1)
    status = ended(client, run.run_id)
    assert status.state == "verified"
    assert same_pixels(status.path, specimen)
    assert {path.suffix for path in Path(status.path).parent.iterdir()} == {".h5", ".json"}


def test_the_helpers_of_a_killed_writer_go_and_leave_no_draft(client, service):
    specimen = small_specimen()
    run = open_run(client, specimen)
    send(run, specimen.planes()[:12])
    helpers = _helpers(service)
    client.abort(run.run_id, 1)
    assert len(helpers) == 2
    assert not psutil.wait_procs(helpers, timeout=5)[1]
    assert not list((service.root / "slides" / specimen.header.slide_id).glob(".*"))


def _helpers(service: Service) -> list[psutil.Process]:
    """What a writer has forked: the process that builds the slide's file, and the one that checks it."""
    return [child for pid in writers_of(service.process.pid) for child in psutil.Process(pid).children()]


def test_garbage_on_every_socket_is_survived_and_counted(client, service):
    specimen = small_specimen()
    run = open_run(client, specimen)
    for endpoint in (service.endpoint, run.proxy):
        host, port = endpoint.removeprefix("tcp://").split(":")
        for noise in (
            b"GET / HTTP/1.1\r\n\r\n",
            os.urandom(5000),
            b"\xff" + b"\0" * 8 + b"\x01\x7f" + b"x" * 200,
            b"",
        ):
            with socket.create_connection((host, int(port)), timeout=5) as knock:
                knock.sendall(noise)
    _send_foreign(service.endpoint)
    eventually(lambda: client.health().garbage, lambda count: count >= 1)
    send(run, specimen.planes())
    client.finish(run.run_id, 1)
    assert ended(client, run.run_id).state == "verified"


def _send_foreign(endpoint: str) -> None:
    """A well-formed message of somebody else's protocol."""
    code = (
        "import sys, zmq\n"
        "with zmq.Context() as context, context.socket(zmq.DEALER) as socket:\n"
        "    socket.connect(sys.argv[1])\n"
        "    socket.send_multipart([b'NOT', b'OURS'])\n"
        "    socket.close(linger=2000)\n"
    )
    subprocess.run([sys.executable, "-c", code, endpoint], check=True, timeout=30)


def test_a_killed_manager_finds_its_runs_again(tmp_path):
    specimen, waiting = small_specimen(), small_specimen()
    planes = specimen.planes()
    with serving(tmp_path / "store") as service, SlideService(service.endpoint, retries=8) as client:
        run = open_run(client, specimen)
        send(open_run(client, waiting), waiting.planes())
        client.finish(waiting.header.run_id, 1)
        with ProxySink(run.proxy, run.run_id, 1, lost_after_s=40) as sink:
            for plane in planes[:12]:
                sink.put(plane)
            service.process.kill()
            service.process.wait()
            service.start()
            for plane in planes[12:]:
                sink.put(plane)
            sink.flush(40)
        client.finish(run.run_id, 1)
        assert ended(client, run.run_id).state == "verified"
        status = ended(client, waiting.header.run_id)
        assert status.state == "verified"
        assert same_pixels(status.path, waiting)


def test_a_second_manager_on_the_same_store_is_refused(service):
    command = [sys.executable, "-m", "vslide", "serve", "--root", str(service.root)]
    second = subprocess.run(
        [*command, "--endpoint", "tcp://127.0.0.1:*"], capture_output=True, text=True, timeout=40, check=False
    )
    assert second.returncode == 1
    assert "root_taken" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_taken_port_is_one_clear_line(tmp_path, service):
    command = [sys.executable, "-m", "vslide", "serve", "--root", str(tmp_path / "other")]
    second = subprocess.run(
        [*command, "--endpoint", service.endpoint], capture_output=True, text=True, timeout=40, check=False
    )
    assert second.returncode == 1
    assert "cannot_bind" in second.stderr
    assert "Traceback" not in second.stderr


def test_no_scan_begins_without_room_for_it(tmp_path):
    free = shutil.disk_usage(tmp_path).free >> 20
    with serving(tmp_path / "store", "--reserve-mib", str(2 * free)) as service:
        with SlideService(service.endpoint) as client, pytest.raises(RemoteError) as refused:
            open_run(client, small_specimen())
        assert (refused.value.code, refused.value.retryable) == ("disk_full", True)
        assert not any((service.root / "journals").iterdir())


def test_others_are_answered_while_a_long_journal_is_read(tmp_path):
    specimen, other = small_specimen(), small_specimen()
    store = tmp_path / "store"
    with serving(store) as service, SlideService(service.endpoint) as client:
        run = open_run(client, specimen)
        send(run, specimen.planes()[:6])
        writer = writers_of(service.process.pid)[0]
        os.kill(writer, signal.SIGSTOP)  # as one that reads and reads
        try:
            assert open_run(client, other).proxy != run.proxy
            assert client.ask(run.run_id).state == "receiving"
        finally:
            os.kill(writer, signal.SIGCONT)


def test_a_writer_waits_for_the_one_that_still_holds_the_journal(tmp_path):
    specimen = small_specimen()
    with serving(tmp_path / "store") as service, SlideService(service.endpoint) as client:
        run = open_run(client, specimen)
        send(run, specimen.planes()[:6])
        old = writers_of(service.process.pid)[0]
        os.kill(old, signal.SIGSTOP)
        service.process.kill()
        service.process.wait()
        service.start()
        with pytest.raises(RemoteError) as refused:
            client.open_run(
                run_id=run.run_id, slide_id=specimen.header.slide_id, fence=1, header=specimen.header,
                planned=24, patience_s=0.0,
            )  # fmt: skip
        assert refused.value.code == "opening"
        os.kill(old, signal.SIGKILL)
        assert len(open_run(client, specimen).durable) == 6


def test_sigterm_leaves_no_process(tmp_path):
    specimen = small_specimen()
    with serving(tmp_path / "store") as service, SlideService(service.endpoint) as client:
        run = open_run(client, specimen)
        send(run, specimen.planes())
        open_run(client, small_specimen())
        client.finish(run.run_id, 1)
        family = psutil.Process(service.process.pid).children(recursive=True)
        assert len(family) >= 3
        service.process.terminate()
        assert service.process.wait(20) == 0
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []
        assert not list((service.root / "slides").rglob(".*.part*"))


def test_a_stopped_service_goes_on_after_its_next_start(tmp_path):
    specimen = small_specimen()
    with serving(tmp_path / "store") as service, SlideService(service.endpoint, retries=8) as client:
        run = open_run(client, specimen)
        send(run, specimen.planes())
        client.finish(run.run_id, 1)
        assert service.stop() == 0
        service.start()
        assert ended(client, run.run_id).state == "verified"


def test_the_segments_of_a_run_never_share_a_fence(client, service):
    specimen = small_specimen()
    for fence in (1, 2, 3):
        open_run(client, specimen, fence=fence)
    found = segments(journal_of(service, specimen.header.run_id))
    assert all(early.fence < late.fence for early, late in pairwise(found))
    assert [segment.sealed_bytes is None for segment in found] == [False, False, True]
    with pytest.raises(vslide.StaleFence):
        Journal.create(found[0].path.parent, specimen.header, specimen.header.run_id, 3, 24)
    client.abort(specimen.header.run_id, 3)


def test_a_writer_may_be_killed_ten_times_in_one_run(client, service):
    specimen = small_specimen()
    run = open_run(client, specimen)
    with ProxySink(run.proxy, run.run_id, 1) as sink:
        for number, plane in enumerate(specimen.planes()):
            sink.put(plane)
            if number % 2 and number < 20:
                sink.flush(20)
                for writer in writers_of(service.process.pid):
                    os.kill(writer, signal.SIGKILL)
        sink.flush(20)
    client.finish(run.run_id, 1)
    status = ended(client, run.run_id)
    assert (status.state, same_pixels(status.path, specimen)) == ("verified", True)
