"""The cable between scanners and slide writers, which can be pulled.

Writers listen at one loopback address and scanners are told another one, as behind address translation. Here
stands what passes the bytes on; it looks twenty times a second which ports the writers listen on.
"""

import asyncio
import contextlib
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

Trouble = Literal["", "cut", "deaf", "mute", "slow"]
WRITERS_AT, SCANNERS_SEE = "127.0.0.2", "127.0.0.3"
LISTENING = "0A"  # as /proc/net/tcp has it
LOOK_S = 0.05
LATE_S = 0.4
PIECE_BYTES = 1 << 16


class Cable:
    """Sound until `trouble`. `cut`: every connection is reset and none is made; `deaf` and `mute`:
    connections stay, but what a scanner sends, or is sent, does not arrive until it is over; `slow`: every
    piece is late.
    """

    def __init__(self) -> None:
        self._trouble: Trouble = ""
        self._until = 0.0
        self._loop = asyncio.new_event_loop()
        self._ends: set[asyncio.StreamWriter] = set()
        self._sockets: dict[int, asyncio.Server] = {}
        self._thread = threading.Thread(target=self._run, name="cable", daemon=True)
        self._stop = threading.Event()
        self.refused_ports: set[int] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def trouble(self, kind: Trouble, seconds: float) -> None:
        """Returns at once; what has been begun ends by itself."""
        self._until = time.monotonic() + seconds
        self._trouble = kind
        if kind == "cut":
            self._loop.call_soon_threadsafe(self._reset_all)

    @property
    def now(self) -> Trouble:
        return self._trouble if time.monotonic() < self._until else ""

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._follow())
        self._loop.close()

    async def _follow(self) -> None:
        while not self._stop.is_set():
            ports = _writers_ports()
            for gone in self._sockets.keys() - ports:
                self._sockets.pop(gone).close()
            for port in ports - self._sockets.keys() - self.refused_ports:
                await self._listen(port)
            await asyncio.sleep(LOOK_S)
        for server in self._sockets.values():
            server.close()
        self._reset_all()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _listen(self, port: int) -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(port, reader, writer)

        try:
            self._sockets[port] = await asyncio.start_server(connected, SCANNERS_SEE, port)
        except OSError:  # somebody else's: that run will look for another port
            self.refused_ports.add(port)

    async def _serve(self, port: int, from_: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        self._ends.add(to)
        with contextlib.suppress(OSError):
            if self.now != "cut":
                back, forth = await asyncio.open_connection(WRITERS_AT, port)
                self._ends.add(forth)
                await asyncio.gather(self._pass(from_, forth, "deaf"), self._pass(back, to, "mute"))
                self._hang_up(forth)
        self._hang_up(to)

    async def _pass(self, from_: asyncio.StreamReader, to: asyncio.StreamWriter, stopped_by: Trouble) -> None:
        """One direction. Whichever end goes first takes the other with it."""
        with contextlib.suppress(OSError):
            while piece := await from_.read(PIECE_BYTES):
                while self.now == stopped_by:
                    await asyncio.sleep(LOOK_S)
                if self.now == "slow":
                    await asyncio.sleep(LATE_S)
                to.write(piece)
                await to.drain()
        to.close()

    def _hang_up(self, end: asyncio.StreamWriter) -> None:
        self._ends.discard(end)
        end.close()

    def _reset_all(self) -> None:
        for end in list(self._ends):
            end.transport.abort()


def _writers_ports() -> set[int]:
    ours = socket.inet_aton(WRITERS_AT)[::-1].hex().upper()
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    rows = (line.split(maxsplit=4) for line in lines)
    found = (local for _, local, _, state, _ in rows if state == LISTENING)
    return {int(port, 16) for host, port in (local.split(":") for local in found) if host == ours}
