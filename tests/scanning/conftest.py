"""The fakes in their places, and waits that cost nothing."""

import pytest

from scanning import clients
from scanning import orchestration as flow
from scanning.services import attempts, collecting, driving, snapshots, watching
from scanning.views import scanners as scanner_pages
from tests.scanning.fakes import FakeScanner, FakeSlideService


@pytest.fixture(autouse=True)
def endpoints(settings) -> None:
    settings.SCANNER_ENDPOINTS = {"one": ("tcp://127.0.0.1:1", "tcp://127.0.0.1:2")}
    settings.SLIDE_SERVICE_ENDPOINT = "tcp://127.0.0.1:3"


@pytest.fixture
def scanner(monkeypatch: pytest.MonkeyPatch) -> FakeScanner:
    fake = FakeScanner()
    for room in (clients, driving, snapshots, watching, scanner_pages):
        monkeypatch.setattr(room, "scanner_client", lambda name: fake)
    return fake


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> FakeSlideService:
    fake = FakeSlideService()
    for room in (clients, attempts, driving, collecting, watching):
        monkeypatch.setattr(room, "slide_service", lambda: fake)
    return fake


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that cost nothing."""
    monkeypatch.setattr(driving, "LOOK_S", 0.0)
    monkeypatch.setattr(driving, "SAVE_S", 0.0)
    monkeypatch.setattr(collecting, "LOOK_S", 0.0)
    monkeypatch.setattr(collecting, "PATIENCE_S", 0.05)
    monkeypatch.setattr(flow, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(flow, "LONGEST_WAIT_S", 0.002)
    monkeypatch.setattr(flow, "PAUSE_LOOK_S", 0.001)
