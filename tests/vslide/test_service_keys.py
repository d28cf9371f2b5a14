"""The slide service behind keys: its requests, and the pixels of every scan."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.service import Service, serving
from tests.vslide.serving import ended, open_run, small_specimen
from vslide.client import SlideService
from vslide.proxies import Proxies
from vslide.serve import main
from vslide.sink import ProxySink
from wire import CannotBind, Insecure, KeyPair, PeerLost, Security, Timeout


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    files = {name: tmp_path / f"{name}.key" for name in ("server", "ours", "stranger")}
    for file in files.values():
        KeyPair.new().save(file)
    return files


def public(file: Path) -> Path:
    return Path(f"{file}.pub")


@pytest.fixture
def guarded(tmp_path: Path, keys: dict[str, Path]) -> Iterator[Service]:
    """A slide service on every address of this machine, for one key."""
    allowed = ("--curve", str(keys["server"]), "--allow", str(public(keys["ours"])))
    ours = f"?keys={keys['ours']}&server={public(keys['server'])}"
    everywhere = ("--proxies", "tcp://0.0.0.0:*", "--proxy-host", "127.0.0.1")
    with serving(tmp_path / "store", *allowed, *everywhere, keys=ours) as running:
        yield running


def test_it_answers_allowed_keys_only(guarded: Service, keys: dict[str, Path]):
    with SlideService(guarded.address) as service:
        assert service.health().runs == 0
    for own in ("", f"?keys={keys['stranger']}&server={public(keys['server'])}"):
        with (
            SlideService(f"{guarded.endpoint}{own}", timeout_s=0.3, retries=0) as service,
            pytest.raises(Timeout),
        ):
            service.health()


def test_a_scan_s_pixels_are_taken_from_allowed_keys_only(guarded: Service, keys: dict[str, Path]):
    ours, theirs = (Security.of_client(keys[name], public(keys["server"])) for name in ("ours", "stranger"))
    specimen = small_specimen()
    with SlideService(guarded.address) as service:
        run = open_run(service, specimen)
        assert run.proxy.startswith("tcp://127.0.0.1:")  # the host that scanners are to be told
        for stranger in (None, theirs):
            with pytest.raises(PeerLost):
                ProxySink(run.proxy, run.run_id, 1, lost_after_s=0.6, security=stranger)
        with ProxySink(run.proxy, run.run_id, 1, security=ours) as sink:
            for plane in specimen.planes():
                sink.put(plane)
            sink.flush(20)
        service.finish(run.run_id, 1)
        assert ended(service, run.run_id).state == "verified"


def test_a_writer_that_was_killed_comes_back_behind_the_same_keys(guarded: Service, keys: dict[str, Path]):
    own = Security.of_client(keys["ours"], public(keys["server"]))
    specimen = small_specimen()
    planes = specimen.planes()
    with SlideService(guarded.address) as service:
        run = open_run(service, specimen)
        with ProxySink(run.proxy, run.run_id, 1, security=own) as sink:
            for number, plane in enumerate(planes):
                if number == len(planes) // 2:
                    guarded.kill_writers()
                sink.put(plane)
            sink.flush(20)
        with pytest.raises(PeerLost):
            ProxySink(run.proxy, run.run_id, 1, lost_after_s=0.6)
        service.finish(run.run_id, 1)
        assert ended(service, run.run_id).received == len(planes)


def test_it_does_not_start_openly_on_the_network_or_with_half_its_keys(tmp_path: Path) -> None:
    store = ["--root", str(tmp_path / "store"), "--endpoint"]
    assert main([*store, "tcp://0.0.0.0:*"]) == 1
    assert main([*store, "tcp://127.0.0.1:*", "--curve", "no-such-file", "--allow", "none"]) == 1
    with pytest.raises(SystemExit):
        main([*store, "tcp://127.0.0.1:*", "--allow", "none"])


def test_pixels_are_not_let_in_openly_or_at_an_address_that_nobody_can_send_to(tmp_path: Path):
    with pytest.raises(Insecure):
        Proxies("tcp://192.0.2.1:*").check()
    with pytest.raises(CannotBind, match="host"):
        Proxies("tcp://0.0.0.0:*", security=Security.off()).check()
    store = ["--root", str(tmp_path / "store"), "--endpoint", "tcp://127.0.0.1:*"]
    assert main([*store, "--proxies", "tcp://0.0.0.0:*", "--proxy-host", "slides"]) == 1
    Proxies("tcp://127.0.0.2:*").check()
    assert Proxies("tcp://0.0.0.0:*", "slides").told("tcp://0.0.0.0:5701") == "tcp://slides:5701"
