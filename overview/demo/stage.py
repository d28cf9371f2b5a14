"""How the demonstration watches the laboratory: it waits for what the processes do, and says how far they
are.
"""

import sys
import time
from collections.abc import Callable
from typing import TextIO

from core.errors import Unavailable

LOOK_S = 0.3


class NothingMoves(Unavailable):
    """The laboratory's processes have made no progress for too long."""

    code = "nothing_moves"


class Stage:
    """Prints headings and one progress line at a time; plain lines where the output is no terminal."""

    def __init__(self, out: TextIO, *, patience_s: float = 180.0) -> None:
        self._out = out
        self._patience_s = patience_s
        self._live = out.isatty()
        self._began = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def heading(self, text: str) -> None:
        self._out.write(f"\n[{self.elapsed_s:5.1f} s] {text}\n")
        self._out.flush()

    def say(self, text: str) -> None:
        self._out.write(f"          {text}\n")
        self._out.flush()

    def wait(self, what: str, look: Callable[[], tuple[int, int, str]]) -> None:
        """Look until done == whole. `look` gives (done, whole, words). Raises NothingMoves when it stands
        still.
        """
        last, moved, shown = "", time.monotonic(), -1
        while True:
            done, whole, words = look()
            line = f"{what}: {done} of {whole}{f' · {words}' if words else ''}"
            if line != last:
                last, moved = line, time.monotonic()
                shown = self._show(line, done, whole, shown)
            if done >= whole:
                break
            if time.monotonic() - moved > self._patience_s:
                raise NothingMoves(
                    f"{line}: nothing has moved for {self._patience_s:.0f} s; see the logs of the processes."
                )
            time.sleep(LOOK_S)
        if self._live:
            self._out.write("\n")

    def _show(self, line: str, done: int, whole: int, shown: int) -> int:
        if self._live:
            self._out.write(f"\r\x1b[2K          {line}")
        elif done >= whole or done - shown >= max(1, whole // 4):
            self._out.write(f"          {line}\n")
        else:
            return shown
        self._out.flush()
        return done


def console() -> Stage:
    return Stage(sys.stdout)
