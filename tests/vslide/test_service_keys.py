"""The slide service behind keys."""

import threading
from pathlib import Path

import pytest

from vslide.client import SlideService
from vslide.serve import main, serve
from wire import KeyPair, Security, Timeout


def test_it_answers_allowed_keys_only(tmp_path: Path) -> None:
    server, ours, stranger = (tmp_path / f"{name}.key" for name in ("server", "ours", "stranger"))
    for file in (server, ours, stranger):
        KeyPair.new().save(file)
    endpoint, stop = f"ipc://{tmp_path}/service", threading.Event()
    security = Security.of_server(server, [Path(f"{ours}.pub")])
    thread = threading.Thread(
        target=serve, args=(tmp_path / "store", endpoint, stop), kwargs={"security": security}
    )
    thread.start()
    try:
        with SlideService(f"{endpoint}?keys={ours}&server={server}.pub", retries=8) as service:
            assert service.health().runs == 0
        for address in (endpoint, f"{endpoint}?keys={stranger}&server={server}.pub"):
            with SlideService(address, timeout_s=0.3, retries=0) as service, pytest.raises(Timeout):
                service.health()
    finally:
        stop.set()
        thread.join()


def test_it_does_not_start_openly_on_the_network_or_with_half_its_keys(tmp_path: Path) -> None:
    store = ["--root", str(tmp_path / "store"), "--endpoint"]
    assert main([*store, "tcp://0.0.0.0:*"]) == 1
    assert main([*store, "tcp://127.0.0.1:*", "--curve", "no-such-file", "--allow", "none"]) == 1
    with pytest.raises(SystemExit):
        main([*store, "tcp://127.0.0.1:*", "--allow", "none"])
