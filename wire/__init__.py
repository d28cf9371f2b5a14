"""Typed messages over ZeroMQ: requests that are carried out once, numbered events, and a stream that loses
nothing.

The only package of Nocturne that imports zmq.
"""

from wire.errors import (
    Busy,
    CannotBind,
    Garbage,
    Insecure,
    PeerLost,
    Refused,
    RemoteError,
    Timeout,
    VersionMismatch,
    WireError,
)
from wire.events import Event, Publisher, Subscriber
from wire.keys import AllowList, KeyPair
from wire.message import VERSION, Fault, Message
from wire.pipeline import Pending, Pipeline
from wire.reads import ReadServer
from wire.rpc import Client, Server
from wire.security import Security, parse_address, refuse_open
from wire.stream import Arrival, Receiver, Sender

__all__ = [
    "VERSION",
    "AllowList",
    "Arrival",
    "Busy",
    "CannotBind",
    "Client",
    "Event",
    "Fault",
    "Garbage",
    "Insecure",
    "KeyPair",
    "Message",
    "PeerLost",
    "Pending",
    "Pipeline",
    "Publisher",
    "ReadServer",
    "Receiver",
    "Refused",
    "RemoteError",
    "Security",
    "Sender",
    "Server",
    "Subscriber",
    "Timeout",
    "VersionMismatch",
    "WireError",
    "parse_address",
    "refuse_open",
]
