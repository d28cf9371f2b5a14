"""Sealed and JPEG slides through the real slide service."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.service import Service, serving, writers_of
from tests.vslide.serving import ended, open_run, send
from tests.vslide.slides import Specimen, brightfield, make_header, make_specimen
from vslide.client import SlideService
from vslide.keys import ENVIRONMENT, KeyRing
from vslide.reader import open_slide
from vslide.sink import ProxySink
from wire import RemoteError


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    ring = KeyRing(tmp_path_factory.mktemp("ring") / "keys")
    ring.create()
    return ring


@pytest.fixture(scope="module")
def service(ring: KeyRing, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("service") / "store", "--keys", str(ring.directory)) as running:
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[SlideService]:
    with SlideService(service.endpoint) as asked:
        yield asked


def same_pixels(path: str, specimen: Specimen, ring: KeyRing) -> bool:
    with open_slide(Path(path), keys=ring) as slide:
        return bool((slide.region(0, 0, *slide.size) == specimen.mosaic()).all())


def test_a_sealed_run_survives_kills_and_resent_planes(client, service, ring):
    specimen = make_specimen(make_header(rows=4, columns=3, key_id=ring.ids()[0]))
    planes, run = specimen.planes(), open_run(client, specimen)
    with ProxySink(run.proxy, run.run_id, 1) as sink:
        for number, plane in enumerate(planes):
            sink.put(plane)
            if number in {10, 30}:
                for pid in writers_of(service.process.pid):
                    os.kill(pid, signal.SIGKILL)
        sink.flush(30)
    send(run, planes[:9])  # the scanner has not heard that they are safe
    assert client.health().respawned >= 1
    client.finish(run.run_id, 1)
    status = ended(client, run.run_id)
    assert (status.state, status.received) == ("verified", 48)
    assert same_pixels(status.path, specimen, ring)
    journal = b"".join(file.read_bytes() for file in (service.root / "journals").glob("run-*/seg-*"))
    assert not any(chunk in journal for chunk in planes[0].chunks)


def test_a_run_with_a_key_that_is_not_here_is_refused(client):
    specimen = make_specimen(make_header(rows=1, columns=1, key_id="0" * 16))
    with pytest.raises(RemoteError, match="0" * 16) as refused:
        open_run(client, specimen)
    assert (refused.value.code, refused.value.retryable) == ("key_missing", False)
    assert client.ask(specimen.header.run_id).state == "unknown"


def test_a_jpeg_run_becomes_a_slide(client, ring, monkeypatch):
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    specimen = make_specimen(brightfield(rows=2, columns=5, encoding="jpeg"))
    run = open_run(client, specimen)
    send(run, specimen.planes())
    client.finish(run.run_id, 1)
    status = ended(client, run.run_id)
    assert (status.state, status.received, status.planned) == ("verified", 10, 10)
    assert same_pixels(status.path, specimen, ring)
