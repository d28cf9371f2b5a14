"""One zmq socket for several threads.

A zmq socket may move from thread to thread if a lock lies between (zmq_socket(3), "Thread safety"). Nobody
may hold that lock while waiting for the network, so one thread at a time waits on the socket's file
descriptor instead. That descriptor tells of changes only (zmq_getsockopt(3), ZMQ_FD): a change that a sender
took note of while it sent is passed on by ringing a bell which the waiting thread listens to as well.
"""

import contextlib
import os
import select
import threading
import time

import zmq

from wire.envelope import Frames

LARGE_BYTES = 1 << 20
"""Handing a buffer over wakes pyzmq's collector thread for each frame; below this a copy is cheaper (128 KiB,
four clients: 6,600 against 4,100 replies/s on 2 cores)."""
_RINGS = 4096
# As plain numbers: an operation on zmq's enums costs as much as a frame does.
_NOW, _MORE = int(zmq.DONTWAIT), int(zmq.SNDMORE)
_EVENTS, _IN = int(zmq.EVENTS), int(zmq.POLLIN)


class SharedSocket:
    """Send and receive from any thread. Threads that receive take turns: each message goes to one of them,
    and the next one waits for the network while the first works on it.
    """

    def __init__(self, socket: "zmq.Socket[bytes]") -> None:
        self._socket = socket
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._bell, self._rope = os.pipe()
        for handle in (self._bell, self._rope):
            os.set_blocking(handle, False)
        self._poll = select.poll()
        for handle in (int(socket.getsockopt(zmq.FD)), self._bell):
            self._poll.register(handle, select.POLLIN)

    def send(self, frames: Frames) -> list[zmq.MessageTracker]:
        """Hand the frames over without waiting, and without a copy of large ones: each of these has a
        tracker that is ``done`` when zmq no longer holds it. Raises ``zmq.ZMQError`` when there is no room or
        no such peer.
        """
        last = len(frames) - 1
        with self._lock:
            sent = [self._put(frame, _MORE if at < last else 0) for at, frame in enumerate(frames)]
            if self._turn.locked() and self._readable():
                self.wake()
        return [tracker for tracker in sent if tracker is not None]

    def _put(self, frame: bytes | memoryview, more: int) -> zmq.MessageTracker | None:
        if len(frame) < LARGE_BYTES:
            return self._socket.send(frame, _NOW | more)
        return self._socket.send(frame, _NOW | more, copy=False, track=True)

    def receive(self, timeout_s: float) -> list[bytes] | None:
        """The next message, or None when there is none yet; that may be said before ``timeout_s`` is over."""
        until = time.monotonic() + timeout_s
        if not self._turn.acquire(timeout=timeout_s):
            return None
        try:
            frames = self._take()
            if frames is None:
                found = self._poll.poll(max(0.0, until - time.monotonic()) * 1000)
                if (self._bell, select.POLLIN) in found:
                    os.read(self._bell, _RINGS)
                frames = self._take() if found else None
            return frames
        finally:
            self._turn.release()

    def _take(self) -> list[bytes] | None:
        with self._lock:
            if self._socket.closed or not self._readable():
                return None
            frames = []
            more = True
            while more:
                frame = self._socket.recv(_NOW, copy=False)
                frames.append(frame.bytes)
                more = frame.more
            return frames

    def _readable(self) -> bool:
        return bool(int(self._socket.get(_EVENTS)) & _IN)

    def wake(self) -> None:
        """Let the waiting thread look again."""
        with contextlib.suppress(BlockingIOError):  # it has been rung thousands of times
            os.write(self._rope, b"\0")

    def close(self) -> None:
        """Those who wait get None; nobody may come after that. Call it once."""
        with self._lock:
            self._socket.close()
        self.wake()
        with self._turn:  # nobody listens to the bell any more
            os.close(self._bell)
            os.close(self._rope)
