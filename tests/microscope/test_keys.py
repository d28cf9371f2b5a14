"""Keys on everything a scanner says: commands, events and pixels; and no open stage on the network."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from microscope.__main__ import main
from microscope.client import ScannerClient, ScannerEvents
from microscope.messages import JobDone, Scan
from microscope.server import ScannerServer
from tests.microscope.fakes import FakeDriver, ListSink, small_plan
from vslide.messages import STREAM, PlaneHeader, RunWelcome
from vslide.sink import ProxySink
from wire import Insecure, KeyPair, Receiver, Security, Timeout

ANY = "tcp://127.0.0.1:*"


class Keys:
    """Files of the scanner's, the laboratory's, the slide service's and a stranger's keys."""

    def __init__(self, folder: Path) -> None:
        self.scanner, self.laboratory, self.service, self.stranger = (
            folder / f"{name}.key" for name in ("scanner", "laboratory", "service", "stranger")
        )
        for file in (self.scanner, self.laboratory, self.service, self.stranger):
            KeyPair.new().save(file)

    def address(self, endpoint: str, *, who: Path | None = None) -> str:
        return f"{endpoint}?keys={who or self.laboratory}&server={self.scanner}.pub"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


@pytest.fixture
def server(keys: Keys) -> Iterator[ScannerServer]:
    towards = Security.of_client(keys.scanner, Path(f"{keys.service}.pub"))

    def open_sink(command: Scan) -> ProxySink:
        return ProxySink(command.proxy, command.job_id, command.fence, security=towards)

    security = Security.of_server(keys.scanner, [Path(f"{keys.laboratory}.pub")])
    made = ScannerServer(FakeDriver(), ANY, ANY, open_sink, security=security)
    thread = threading.Thread(target=made.serve)
    thread.start()
    yield made
    made.stop()
    thread.join()


def test_a_slide_is_scanned_with_keys_on_every_socket(server, keys):
    slide_service = Security.of_server(keys.service, [Path(f"{keys.scanner}.pub")])
    listener = ScannerEvents(keys.address(server.events_endpoint))
    with (
        ScannerClient(keys.address(server.endpoint)) as client,
        Receiver(ANY, STREAM, security=slide_service) as proxy,
    ):
        client.beat()
        client.scan("a", fence=1, carousel=1, slot=1, slide_id="s", plan=small_plan(), proxy=proxy.endpoint)
        came = set()
        while client.job("a").state == "running":
            for arrival in proxy.poll(0.05):
                if isinstance(arrival.message, PlaneHeader):
                    came.add(arrival.seq)
                    proxy.ack(arrival.peer, [arrival.seq or 0])
                else:
                    proxy.welcome(arrival.peer, RunWelcome(run_id="a", durable=[]))
        assert (client.job("a").state, len(came)) == ("done", 36)
    heard = iter(lambda: listener.next(2), None)
    assert any(isinstance(event.message, JobDone) for event in heard)
    listener.close()


def test_strangers_move_nothing_and_hear_nothing(server, keys):
    for address in (server.endpoint, keys.address(server.endpoint, who=keys.stranger)):
        with ScannerClient(address, timeout_s=0.3, retries=0) as client, pytest.raises(Timeout):
            client.describe()
    for address in (server.events_endpoint, keys.address(server.events_endpoint, who=keys.stranger)):
        listener = ScannerEvents(address)
        with ScannerClient(keys.address(server.endpoint)) as client:
            client.snap("s", 1, 1, wait=True)
        assert listener.next(0.3) is None
        listener.close()


def test_it_does_not_start_openly_on_the_network(tmp_path, keys):
    open_to_all = ["serve", "--state", str(tmp_path), "--endpoint", "tcp://0.0.0.0:*", "--events", ANY]
    assert main(open_to_all) == 1
    with pytest.raises(Insecure, match="reached from the network"):
        ScannerServer(FakeDriver(), "tcp://*:*", ANY, lambda command: ListSink())


@pytest.mark.parametrize(
    "options",
    [["--keys", "a"], ["--allow", "a"], ["--proxy-key", "a"], ["--driver", "micromanager"]],
)
def test_it_refuses_options_that_do_not_fit_together(tmp_path, options):
    with pytest.raises(SystemExit):
        main(["serve", "--state", str(tmp_path), *options])


def test_the_commands_take_keys(tmp_path, keys):
    options = ["--keys", keys.scanner, "--allow", f"{keys.laboratory}.pub", "--state", tmp_path / "state"]
    ports = ["--endpoint", "tcp://0.0.0.0:*", "--events", "tcp://0.0.0.0:*"]
    command = [sys.executable, "-m", "microscope", "serve", *map(str, options), *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().split(",")[0].rsplit(":", 1)[1]
        endpoint = f"tcp://127.0.0.1:{port}"
        assert main(["status", "--endpoint", keys.address(endpoint)]) == 0
        assert main(["status", "--endpoint", endpoint]) == 1
        checked = ["conformance", "--endpoint", keys.address(endpoint), "--only", "gives its status"]
        assert main(checked) == 0
        process.terminate()
        assert process.wait(20) == 0
