"""Garbage at every open port while a scan runs: nothing dies, nothing is lost, the scan ends as if nothing
had been.
"""

import json

from microscope.client import ScannerClient
from tests.system.foreign import throw
from tests.system.laboratory import Laboratory, until
from vslide.client import SlideService

SCANNING = "SELECT run FROM scanning_attempt WHERE state = 'running' AND done_planes > 0"
NAMES = ("broker", "slides", "scanner-1", "web", "worker", "worker-scanner-1", "beat", "relay")


def proxy_port(laboratory: Laboratory, run: str) -> int:
    order = laboratory.var / "slides" / "journals" / f"run-{run.replace('-', '')}" / "run.json"
    return int(json.loads(order.read_text())["endpoint"].rsplit(":", 1)[1])


def test_a_scan_goes_on_while_foreigners_knock_at_every_port(laboratory: Laboratory):
    until(laboratory.is_well, 60, "all is well before")
    before = {name: laboratory.pid(name) for name in NAMES}
    night = laboratory.night("G-foreign", 3)
    until(lambda: bool(laboratory.ask(SCANNING)), 120, "a scan is under way")
    scanner, (run,) = laboratory.lab.scanners[0], laboratory.ask(SCANNING)[0]
    ports = [
        proxy_port(laboratory, run),  # first: it is gone when its slide is scanned
        scanner.command_port,
        scanner.events_port,
        laboratory.lab.slide_port,
    ]
    for seed, port in enumerate(ports):
        assert throw(port, seed) > 20
    with ScannerClient(f"tcp://127.0.0.1:{scanner.command_port}") as client:
        assert client.status().garbage > 0
    with SlideService(f"tcp://127.0.0.1:{laboratory.lab.slide_port}") as service:
        assert service.health().runs >= 0
    found = laboratory.morning(night)
    assert (found["published"], found["failed"], found["lost_fields"], found["takeovers"]) == (3, 0, 0, 0), (
        found
    )
    assert {name: laboratory.pid(name) for name in NAMES} == before
