"""A real slide service, and a look at the processes behind it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from vslide.client import SlideService
from wire import Timeout

ROOT = Path(__file__).resolve().parents[2]
STARTED_WITHIN_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """`python -m vslide serve` in a session of its own, with its log beside its store. `keys` follow its
    endpoint in its address: `?keys=FILE&server=FILE`.
    """

    def __init__(self, root: Path, *options: str, keys: str = "") -> None:
        self.root = root
        self.options = options
        self.endpoint = f"tcp://127.0.0.1:{free_port()}"
        self.address = self.endpoint + keys
        root.mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        argv = [
            sys.executable,
            "-m",
            "vslide",
            "serve",
            "--root",
            str(self.root),
            "--endpoint",
            self.endpoint,
            *self.options,
        ]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
        with (self.root / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                argv,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + STARTED_WITHIN_S
        with SlideService(self.address, timeout_s=0.5, retries=0) as client:
            while True:
                with contextlib.suppress(Timeout):
                    client.health()
                    return
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.root / "serve.log").read_text()[-2000:])

    def kill(self) -> None:
        """End the manager and everything behind it, as a supervisor does with a group whose leader died."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_writers(self) -> None:
        for pid in writers_of(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> int:
        self.process.terminate()
        try:
            return self.process.wait(20)
        finally:
            self.kill()


@contextlib.contextmanager
def serving(root: Path, *options: str, keys: str = "") -> Iterator[Service]:
    service = Service(root, *options, keys=keys)
    try:
        yield service
    finally:
        service.stop()


def writers_of(manager: int) -> list[int]:
    """The slide writers behind a manager: what its fork server has forked."""
    with contextlib.suppress(psutil.Error):
        below = psutil.Process(manager).children(recursive=True)
        servers = {process.pid for process in below if process.ppid() == manager and _forked(process)}
        return [process.pid for process in below if process.ppid() in servers and _forked(process)]
    return []


def _forked(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return any("forkserver" in word for word in process.cmdline())
    return False
