"""What a hospital's network throws at an open port: scans, browsers, TLS, random bytes, and frames that are
almost ours.
"""

import os
import random
import socket
from collections.abc import Iterator

import zmq

from wire.message import PREFIX

PATIENCE_MS = 5000
HTTP = b"GET / HTTP/1.1\r\nHost: scanner\r\nUser-Agent: inventory\r\n\r\n"
TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(189)
ZMTP_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16 + 32)


def raw(seed: int) -> Iterator[bytes]:
    """What is written to the bare socket; nothing at all is a port scan."""
    dice = random.Random(seed)
    yield b""
    yield HTTP
    yield TLS_HELLO
    yield ZMTP_GREETING + dice.randbytes(200)
    yield ZMTP_GREETING[:11]
    yield b"\xff" * 64
    for size in (1, 100, 65_536):
        yield dice.randbytes(size)


def frames(seed: int) -> Iterator[list[bytes]]:
    """What a ZeroMQ peer of another protocol, of another version or without manners sends."""
    dice = random.Random(seed)
    yield [b""]
    yield [b"hello"]
    yield [b"", b"", b"", b""]
    yield [PREFIX]
    yield [PREFIX, b"REQ", bytes(16), dice.randbytes(40)]
    yield [PREFIX, b"REQ", bytes(3), b"\x80"]
    yield [PREFIX[:3] + b"\x09", b"REQ", bytes(16), b"\x80"]
    yield [PREFIX, b"HEL", dice.randbytes(30)]
    yield [PREFIX, b"DAT", bytes(8), dice.randbytes(30), dice.randbytes(1000)]
    yield [PREFIX, b"ACK", bytes(7)]
    yield [dice.randbytes(dice.randrange(1, 2000)) for _ in range(20)]


def throw(port: int, seed: int = 1) -> int:
    """All of it at one port of this machine; how many connections and messages that were. Raises zmq.Again
    where nobody is there any more to take a message.
    """
    thrown = 0
    for bytes_ in raw(seed):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
            peer.sendall(bytes_)
        thrown += 1
    with zmq.Context() as context:
        for kind in (zmq.DEALER, zmq.REQ, zmq.SUB):
            with context.socket(kind) as stranger:
                stranger.linger, stranger.sndtimeo = 200, PATIENCE_MS
                stranger.connect(f"tcp://127.0.0.1:{port}")
                for parts in frames(seed) if kind == zmq.DEALER else [[os.urandom(20)]]:
                    if kind != zmq.SUB:
                        stranger.send_multipart(parts)
                    thrown += 1
    return thrown
