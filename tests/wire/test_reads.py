"""Reads: many at once over one connection, bounded, and whatever comes over the network ends nothing."""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.making import ANYWHERE, Ask, Told, again
from wire import Insecure, KeyPair, Message, PeerLost, Pipeline, ReadServer, RemoteError, Security, Timeout
from wire.envelope import Envelope, Handler
from wire.message import PREFIX


def echo(ask: Message, frames: list[bytes]) -> tuple[Message, list[bytes]]:
    assert isinstance(ask, Ask)
    return Told(n=ask.n), frames


def slow_first(ask: Message, frames: list[bytes]) -> Message:
    assert isinstance(ask, Ask)
    time.sleep(0.3 if ask.n == 0 else 0.0)
    return Told(n=ask.n)


@contextmanager
def reading(handler: Handler = echo) -> Iterator[tuple[ReadServer, Pipeline]]:
    with ReadServer(ANYWHERE, (Ask,), handler) as server, pipeline(server.endpoint) as client:
        yield server, client


def pipeline(endpoint: str, *, timeout_s: float = 5.0, security: Security | None = None) -> Pipeline:
    return Pipeline(endpoint, (Told,), timeout_s=timeout_s, retries=1, security=security)


@contextmanager
def foreigner(endpoint: str) -> Iterator["zmq.Socket[bytes]"]:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 100
    socket.rcvhwm = 1
    socket.connect(endpoint)
    try:
        yield socket
    finally:
        socket.close()


def test_many_threads_share_one_connection() -> None:
    with reading() as (_, client), ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda n: client.call(Ask(n=n), [bytes([n % 256])]), range(400)))
    assert replies == [(Told(n=n), [bytes([n % 256])]) for n in range(400)]


def test_a_slow_request_holds_no_other_up() -> None:
    with reading(slow_first) as (_, client):
        slow, began = client.ask(Ask(n=0)), time.monotonic()
        assert client.call(Ask(n=1))[0] == Told(n=1)
        assert time.monotonic() - began < 0.25
        assert client.result(slow)[0] == Told(n=0)


def test_one_thread_may_have_many_requests_under_way() -> None:
    with reading() as (_, client):
        pending = [client.ask(Ask(n=n)) for n in range(50)]
        assert [client.result(one)[0] for one in pending] == [Told(n=n) for n in range(50)]


def test_what_nobody_waits_for_is_dropped() -> None:
    with reading(slow_first) as (_, client):
        client.forget(client.ask(Ask(n=0)))
        time.sleep(0.4)
        assert client.call(Ask(n=1))[0] == Told(n=1)
        assert client.late == 1


def test_large_replies_arrive_whole() -> None:
    large = os.urandom(3 << 20)
    with reading(lambda ask, frames: (Told(n=1), [large, memoryview(large)])) as (_, client):
        assert client.call(Ask(n=1))[1] == [large, large]


def test_it_asks_again_and_finds_a_server_that_was_restarted() -> None:
    with ReadServer(ANYWHERE, (Ask,), echo) as first:
        endpoint = first.endpoint
        client = pipeline(endpoint, timeout_s=1.0)
        client.call(Ask(n=1))
    with client:
        pending = [client.ask(Ask(n=n)) for n in range(3)]
        with again(lambda: ReadServer(endpoint, (Ask,), echo)):
            assert [client.result(one)[0] for one in pending] == [Told(n=0), Told(n=1), Told(n=2)]


def test_it_gives_up_when_nobody_answers() -> None:
    with pipeline("tcp://127.0.0.1:9", timeout_s=0.05) as client, pytest.raises(Timeout, match="answer Ask"):
        client.call(Ask(n=1))


def test_closing_ends_the_waiting() -> None:
    client = pipeline("tcp://127.0.0.1:9", timeout_s=30)
    threading.Timer(0.1, client.close).start()
    with pytest.raises(PeerLost):
        client.call(Ask(n=1))
    with pytest.raises(PeerLost):
        client.ask(Ask(n=2))


def test_a_client_that_takes_nothing_is_told_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wire.reads.MOST_OWED", 8 << 20)
    large = bytes(4 << 20)
    packed = Envelope(()).ask(Ask(n=1))[1]
    with (
        reading(lambda ask, frames: (Told(n=1), [large])) as (server, other),
        foreigner(server.endpoint) as deaf,
    ):
        for _ in range(60):
            deaf.send_multipart(packed)
        until = time.monotonic() + 10
        while not server.refused and time.monotonic() < until:
            time.sleep(0.01)
        assert server.refused
        assert server.answered < 10
        assert other.call(Ask(n=1))[1] == [large]


def test_errors_travel_with_their_code() -> None:
    def refuse(ask: Message, frames: list[bytes]) -> Message:
        raise Insecure("not you")

    with reading(refuse) as (_, client), pytest.raises(RemoteError, match="not you") as caught:
        client.call(Ask(n=1))
    assert caught.value.code == "insecure"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.just(PREFIX), st.just(b"REQ"), st.binary(max_size=40)), min_size=1, max_size=6))
def test_it_survives_and_counts_foreign_frames(
    shared: tuple[ReadServer, Pipeline], frames: list[bytes]
) -> None:
    server, client = shared
    with foreigner(server.endpoint) as socket:
        socket.send_multipart(frames)
    assert client.call(Ask(n=5))[0] == Told(n=5)


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[ReadServer, Pipeline]]:
    with reading() as pair:
        yield pair
        assert pair[0].garbage > 10


def test_it_serves_allowed_keys_only_and_never_openly_on_the_network() -> None:
    keys, ours, theirs = KeyPair.new(), KeyPair.new(), KeyPair.new()
    security = Security(keys, allowed=frozenset({ours.public}))
    with ReadServer(ANYWHERE, (Ask,), echo, security=security) as server:
        with pipeline(server.endpoint, security=Security(ours, server=keys.public)) as client:
            assert client.call(Ask(n=1))[0] == Told(n=1)
        for stranger in (None, Security(theirs, server=keys.public)):
            refused = pipeline(server.endpoint, timeout_s=0.2, security=stranger)
            with refused as client, pytest.raises(Timeout):
                client.call(Ask(n=1))
    with pytest.raises(Insecure):
        ReadServer("tcp://0.0.0.0:*", (Ask,), echo)


def test_someone_always_listens() -> None:
    """Threads come, wait and leave: whoever listens last names another in time."""

    def three(start: int) -> list[Message]:
        pending = [client.ask(Ask(n=start + n)) for n in range(3)]
        return [client.result(one)[0] for one in pending]

    with (
        ReadServer(ANYWHERE, (Ask,), echo) as server,
        Pipeline(server.endpoint, (Told,), timeout_s=3.0, retries=0) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        replies = list(pool.map(three, range(0, 1500, 3)))
    assert [reply for some in replies for reply in some] == [Told(n=n) for n in range(1500)]
