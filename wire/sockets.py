"""How every socket of ours is set: bounded queues, bounded messages, no lingering, heartbeats both ways."""

import zmq

from wire.errors import CannotBind
from wire.message import MOST_FRAME_BYTES

HEARTBEAT_MS = 1000
LOST_AFTER_MS = 4000


def open_socket(
    context: zmq.Context[zmq.Socket[bytes]], kind: int, *, high_water: int = 1000
) -> zmq.Socket[bytes]:
    """``high_water`` counts messages; what matters for memory is the byte window of `wire.stream`."""
    socket = context.socket(kind)
    socket.linger = 0
    socket.sndhwm = socket.rcvhwm = high_water
    socket.maxmsgsize = MOST_FRAME_BYTES
    socket.heartbeat_ivl = HEARTBEAT_MS
    socket.heartbeat_timeout = LOST_AFTER_MS
    socket.handshake_ivl = 5000
    return socket


def bind(socket: zmq.Socket[bytes], endpoint: str) -> str:
    """Bind and say where: a wildcard port becomes the real one. Raises ``CannotBind``; the socket is closed
    then.
    """
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        socket.close()
        raise CannotBind(f"{endpoint}: {error}") from error
    bound = socket.get_string(zmq.LAST_ENDPOINT)
    return bound.rstrip("\x00")
