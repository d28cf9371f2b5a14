"""What a hospital network throws at a port: the servers of ours go on as if nothing had been."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlparse

import psutil
import pytest
import zmq

from tests.wire.making import ANYWHERE, Ask, Hello, Item, Store, Told, Welcome, running, serving
from wire import Client, Publisher, Receiver, RemoteError, Sender, Subscriber
from wire.envelope import Envelope
from wire.message import PREFIX, Codec
from wire.probe import Probe, prefix

GREETING = b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL" + bytes(48)
TLS_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
JUNK = {
    "http": b"GET / HTTP/1.1\r\nHost: scanner\r\nUser-Agent: nmap\r\n\r\n",
    "tls": TLS_HELLO,
    "random": os.urandom(4096),
    "half a greeting": GREETING[:11],
    "greeting, then half a frame": GREETING + b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x06DEAL",
    "greeting, then a frame of 2^62 bytes": GREETING + b"\x02" + (1 << 62).to_bytes(8, "big"),
    "ten megabytes": os.urandom(1 << 20) * 10,
    "greeting, then ten megabytes": GREETING + os.urandom(1 << 20) * 10,
    "nothing": b"",
}


def port_of(endpoint: str) -> tuple[str, int]:
    where = urlparse(endpoint)
    assert where.hostname is not None
    assert where.port is not None
    return where.hostname, where.port


def throw(endpoint: str, junk: bytes) -> None:
    with socket.create_connection(port_of(endpoint), timeout=10) as line:
        try:
            line.sendall(junk)
        except ConnectionError:  # it was hung up on: just so
            return


@contextmanager
def silent_connections(endpoint: str, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(port_of(endpoint), timeout=5)) for _ in range(count)
        ]


def answers(endpoint: str) -> bool:
    with Client(endpoint, (Told,), timeout_s=5, retries=0) as client:
        return client.call(Ask(n=1))[0] == Told(n=5)


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_a_server_survives_what_is_no_zmq(junk: bytes) -> None:
    with serving(lambda ask, rest: Told(n=5)) as server:
        throw(server.endpoint, junk)
        assert answers(server.endpoint)


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_a_stream_survives_what_is_no_zmq(junk: bytes) -> None:
    with Receiver(ANYWHERE, (Hello, Item)) as receiver:
        store = Store(receiver)
        with running(store.step), Sender(receiver.endpoint, Hello(), (Welcome,)) as sender:
            throw(receiver.endpoint, junk)
            sender.send(1, Item(n=1), [b"pixels"])
            sender.drain(10)
        assert store.items == [(1, b"pixels")]


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_events_survive_what_is_no_zmq(junk: bytes) -> None:
    with Publisher(ANYWHERE) as publisher, Subscriber(publisher.endpoint, (Told,)) as subscriber:
        throw(publisher.endpoint, junk)
        until = time.monotonic() + 5
        while subscriber.next(0.05) is None:
            assert time.monotonic() < until
            publisher.publish(Told(n=1))


def test_two_hundred_connections_that_say_nothing_keep_nobody_out() -> None:
    with serving(lambda ask, rest: Told(n=5)) as server, silent_connections(server.endpoint, 200):
        assert answers(server.endpoint)


def test_those_who_never_say_hello_are_hung_up_on() -> None:
    before = psutil.Process().num_fds()
    with serving(lambda ask, rest: Told(n=5)) as server, silent_connections(server.endpoint, 20) as lines:
        until = time.monotonic() + 15
        for line in lines:
            line.settimeout(max(0.1, until - time.monotonic()))
            while line.recv(64):  # its greeting, then the end
                continue
        assert answers(server.endpoint)
    assert psutil.Process().num_fds() < before + 20


def test_ten_megabytes_in_a_frame_are_dropped_and_counted() -> None:
    frames = [prefix(), b"REQ", os.urandom(16), os.urandom(10 << 20)]
    with serving(lambda ask, rest: Told(n=5)) as server, Probe(server.endpoint) as alien:
        alien.say(frames)
        reply = alien.hear(10)
        assert reply is not None
        assert reply[1] == b"ERR"
        assert server.garbage == 1
        assert answers(server.endpoint)


def test_a_client_that_never_reads_costs_others_nothing() -> None:
    """It asks a thousand times for 64 KiB: what it does not take is dropped, not kept."""
    alien: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    before = psutil.Process().memory_info().rss
    with serving(lambda ask, rest: (Told(n=5), [bytes(64 << 10)])) as server, alien as deaf:
        deaf.linger, deaf.rcvhwm = 0, 1
        deaf.connect(server.endpoint)
        header = Codec(()).encode(Ask(n=1))
        for _ in range(1000):
            deaf.send_multipart([PREFIX, b"REQ", os.urandom(16), header])
        assert answers(server.endpoint)
        assert psutil.Process().memory_info().rss - before < 128 << 20


def test_a_listener_that_never_reads_does_not_hold_the_publisher_up() -> None:
    with Publisher(ANYWHERE) as publisher, Subscriber(publisher.endpoint, (Told,)) as deaf:
        time.sleep(0.2)
        began = time.monotonic()
        for number in range(20_000):
            publisher.publish(Told(n=number))
        assert time.monotonic() - began < 10
        first = deaf.next(5)
        assert first is not None


def test_a_client_of_another_version_is_told_so_in_words() -> None:
    with serving(lambda ask, rest: Told(n=5)) as server, Probe(server.endpoint) as newer:
        newer.say([prefix(2), b"REQ", os.urandom(16), Codec(()).encode(Ask(n=1))])
        reply = newer.hear(5)
        assert reply is not None
        with pytest.raises(RemoteError, match="speaks version 2, we speak 1") as refused:
            Envelope((Told,)).answer(reply)
        assert (refused.value.code, refused.value.retryable) == ("version_mismatch", False)
