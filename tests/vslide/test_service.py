"""The slide service as a real process: what was acknowledged is there, whoever is killed and whoever knocks."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

import vslide
from tests.faults.service import Service, serving, writers_of
from tests.vslide.slides import Specimen, make_header, make_specimen
from vslide.client import SlideService
from vslide.messages import RunOpened, RunStatus
from vslide.model import FieldKey, Plane
from vslide.sink import ProxySink
from wire import Refused, RemoteError

SMALL = {"rows": 2, "columns": 3}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("service") / "store") as running:
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[SlideService]:
    with SlideService(service.endpoint) as asked:
        yield asked


@pytest.fixture
def specimen() -> Specimen:
    return make_specimen(make_header(**SMALL))


def opened(client: SlideService, specimen: Specimen, fence: int = 1) -> RunOpened:
    header = specimen.header
    return client.open_run(
        run_id=header.run_id,
        slide_id=header.slide_id,
        fence=fence,
        header=header,
        planned=len(specimen.pixels),
    )


def send(run: RunOpened, planes: list[Plane]) -> None:
    with ProxySink(run.proxy, run.run_id, run.fence) as sink:
        for plane in planes:
            sink.put(plane)
        sink.flush(20)


def ended(client: SlideService, run_id: str, timeout_s: float = 30.0) -> RunStatus:
    return eventually(lambda: client.ask(run_id), lambda status: status.state in {"verified", "failed"}, timeout_s)


def eventually[T](ask: Callable[[], T], wanted: Callable[[T], bool], timeout_s: float = 20.0) -> T:
    until = time.monotonic() + timeout_s
    while not wanted(found := ask()):
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return found
