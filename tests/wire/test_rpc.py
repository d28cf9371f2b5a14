"""Requests are carried out once, errors travel with their code, and foreign frames end nothing."""

import os
import socket
import threading
from urllib.parse import urlparse

import pytest
import zmq

from tests.wire.making import ANYWHERE, Ask, Told, serving
from wire import Client, Message, RemoteError, Server, Timeout, VersionMismatch
from wire.message import PREFIX, Codec


def test_it_answers_with_the_frames_it_was_sent() -> None:
    with (
        serving(lambda ask, frames: (Told(n=2), frames)) as server,
        Client(server.endpoint, (Told,)) as client,
    ):
        assert client.call(Ask(n=1), [b"raw", b""]) == (Told(n=2), [b"raw", b""])


def test_it_carries_a_repeated_request_out_once() -> None:
    seen: list[Message] = []
    slow = threading.Event()

    def handler(ask: Message, frames: list[bytes]) -> Message:
        seen.append(ask)
        slow.wait(0.4)  # longer than the client's patience: it asks again meanwhile
        return Told(n=len(seen))

    with serving(handler) as server, Client(server.endpoint, (Told,), timeout_s=0.15, retries=5) as client:
        assert client.call(Ask(n=1))[0] == Told(n=1)
    assert len(seen) == 1


def test_it_says_what_the_server_said_went_wrong() -> None:
    class Full(Exception):
        code, retryable = "disk_full", True

    def handler(ask: Message, frames: list[bytes]) -> Message:
        raise Full("no room")

    with (
        serving(handler) as server,
        Client(server.endpoint, (Told,)) as client,
        pytest.raises(RemoteError, match="no room") as caught,
    ):
        client.call(Ask(n=1))
    assert (caught.value.code, caught.value.retryable) == ("disk_full", True)


def test_it_gives_up_when_nobody_answers() -> None:
    nobody = Client("tcp://127.0.0.1:9", (Told,), timeout_s=0.05, retries=1)
    with nobody as client, pytest.raises(Timeout, match="did not answer Ask"):
        client.call(Ask(n=1))


def test_it_finds_a_server_that_was_restarted() -> None:
    with serving(lambda ask, frames: Told(n=1)) as first:
        endpoint = first.endpoint
        client = Client(endpoint, (Told,), timeout_s=0.5, retries=5)
        client.call(Ask(n=1))
    with client, serving(lambda ask, frames: Told(n=2), endpoint):
        assert client.call(Ask(n=1))[0] == Told(n=2)


@pytest.mark.parametrize(
    "frames",
    [
        [b""],
        [b"GET / HTTP/1.1"],
        [PREFIX],
        [PREFIX, b"REQ", b"short", b"x"],
        [PREFIX, b"REQ", os.urandom(16), b"\xc1 not msgpack"],
        [PREFIX, b"REQ", os.urandom(16), Codec(()).encode(Told(n=1))],
        [b"NCT\x09", b"REQ", os.urandom(16), b""],
    ],
)
def test_it_survives_foreign_frames(frames: list[bytes]) -> None:
    alien: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    with serving(lambda ask, rest: Told(n=5)) as server, alien as foreign:
        foreign.linger = 100
        foreign.connect(server.endpoint)
        foreign.send_multipart(frames)
        with Client(server.endpoint, (Told,)) as client:
            assert client.call(Ask(n=1))[0] == Told(n=5)


def test_it_says_so_when_it_does_not_know_a_request() -> None:
    with (
        serving(lambda ask, frames: Told(n=1)) as server,
        Client(server.endpoint, (Told,)) as client,
        pytest.raises(RemoteError, match="Told") as caught,
    ):
        client.call(Told(n=1))
    assert caught.value.code == "garbage"


def test_it_says_when_the_server_speaks_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda ask, frames: Told(n=1)) as server, Client(server.endpoint, (Told,)) as client:
        monkeypatch.setattr("wire.envelope.PREFIX", b"NCT\x09")
        with pytest.raises(VersionMismatch):
            client.call(Ask(n=1))


def test_it_survives_a_port_scan() -> None:
    with serving(lambda ask, rest: Told(n=5)) as server:
        port = urlparse(server.endpoint).port
        for words in (
            b"GET / HTTP/1.1\r\n\r\n",
            os.urandom(4096),
            b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f" + b"A" * 64,
        ):
            with socket.create_connection(("127.0.0.1", port or 0), timeout=2) as scanner:
                scanner.sendall(words)
        with Client(server.endpoint, (Told,)) as client:
            assert client.call(Ask(n=1))[0] == Told(n=5)


def test_it_counts_what_it_drops() -> None:
    alien: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    with Server(ANYWHERE, (Ask,)) as server, alien as foreign:
        foreign.linger = 100
        foreign.connect(server.endpoint)
        foreign.send_multipart([b"hello", b"there"])
        assert not server.serve_once(lambda ask, rest: Told(n=1), 2.0)
        assert server.garbage == 1
