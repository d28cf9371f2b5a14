"""Messages: frozen, typed, tagged by their class name; msgpack headers with raw frames behind them. Never
pickle.
"""

from collections.abc import Sequence
from typing import Any, Union

import msgspec

from wire.errors import Garbage, VersionMismatch

MAGIC = b"NCT"
VERSION = 1
PREFIX = MAGIC + bytes([VERSION])
MOST_HEADER_BYTES = 4 << 20
MOST_FRAME_BYTES = 64 << 20


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of every message. Unknown fields of a newer peer are ignored; missing ones take their defaults."""


class Fault(Message, frozen=True):
    """How an error travels."""

    code: str
    message: str
    retryable: bool = False


class Codec:
    """Encodes any message, decodes the given types and ``Fault``."""

    def __init__(self, types: Sequence[type[Message]]) -> None:
        self._encoder = msgspec.msgpack.Encoder()
        union: Any = Union[tuple({*types, Fault})]  # noqa: UP007  built at run time
        self._decoder = msgspec.msgpack.Decoder(union)

    def encode(self, message: Message) -> bytes:
        return self._encoder.encode(message)

    def decode(self, header: bytes | memoryview) -> Message:
        """Raises ``Garbage`` for anything that is not one of our messages."""
        if len(header) > MOST_HEADER_BYTES:
            raise Garbage(f"a header of {len(header)} bytes")
        try:
            decoded: Message = self._decoder.decode(header)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Garbage(str(error)) from error
        return decoded


def check_prefix(frame: bytes) -> None:
    """Raises ``Garbage`` for a foreign frame, ``VersionMismatch`` for our protocol in another version."""
    if len(frame) != len(PREFIX) or frame[: len(MAGIC)] != MAGIC:
        raise Garbage("not a frame of this protocol")
    if frame != PREFIX:
        raise VersionMismatch(f"the peer speaks version {frame[-1]}, we speak {VERSION}")
