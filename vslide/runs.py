"""One run as the manager sees it: its order, its writer process, and the pipe between them."""

import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from vslide.build import remove_drafts, slide_path
from vslide.model import PlaneId
from vslide.orders import FINISH, Order, Result, read_result, write_order
from vslide.proxies import Proxies
from vslide.writer import write

KILLED_WITHIN_S = 5.0


@dataclass
class Run:
    """A run whose writer is (to be) alive. ``ready`` once the writer has said where it listens;
    ``durable`` grows as it reports what is safe."""

    order: Order
    proxies: Proxies
    process: BaseProcess | None = None
    pipe: Connection | None = None
    ready: bool = False
    durable: set[PlaneId] = field(default_factory=set)
    respawns: int = 0  # since a plane has last become safe
    safe_then: int = 0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.is_alive()

    @property
    def result(self) -> Result | None:
        return read_result(Path(self.order.directory), self.order.fence)

    def start(self, context: ForkServerContext) -> None:
        """Write the order down and fork a writer for it; ``hear`` learns when it is ready."""
        self.close_pipe()
        write_order(self.order)
        ours, theirs = context.Pipe()
        self.process = context.Process(
            target=write, args=(self.order, theirs, self.proxies), name=f"writer {self.order.run_id}"
        )
        self.process.start()
        theirs.close()
        self.pipe, self.ready = ours, False

    def hear(self, wait_s: float = 0.0) -> None:
        """Take in what the writer has said, waiting up to ``wait_s`` for its first word."""
        try:
            while self.pipe is not None and self.pipe.poll(wait_s):
                word = json.loads(self.pipe.recv_bytes())
                self.durable.update(tuple(plane) for plane in word["durable"])
                if "endpoint" in word:
                    self.order = replace(self.order, endpoint=word["endpoint"])
                    write_order(self.order)
                    self.ready = True
                wait_s = 0.0
        except (EOFError, ConnectionError):
            self.close_pipe()

    def finish(self) -> None:
        """Order the slide to be built; whoever restarts after this goes straight to building."""
        self.order = replace(self.order, finish=True)
        write_order(self.order)
        with suppress(OSError):  # it has just died: it is brought back with the new order
            if self.pipe is not None:
                self.pipe.send_bytes(FINISH)

    def ask_to_leave(self) -> None:
        if self.process is not None and self.alive:
            self.process.terminate()

    def stop(self, patience_s: float = 0.0) -> None:
        """The writer is gone when this returns, and its draft of the slide: what it acknowledged is in the
        journal, the rest will be sent again.
        """
        if self.process is not None:
            if patience_s:
                self.process.join(patience_s)
            if self.process.is_alive():
                self.process.kill()
            self.process.join(KILLED_WITHIN_S)
        self.close_pipe()
        order = self.order
        with suppress(OSError):  # fsck removes what stays
            remove_drafts(slide_path(Path(order.slides), order.slide_id, order.run_id))

    def close_pipe(self) -> None:
        if self.pipe is not None:
            self.pipe.close()
            self.pipe = None
