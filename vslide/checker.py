"""The separate process that examines a finished file, with limited memory and time, before it gets its
name."""

import contextlib
import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

from vslide.errors import VerifyFailed
from vslide.verify import Verdict, judge, limit_memory

MEMORY_MIB = 4096
_SECONDS = 120
_BYTES_PER_S = 20_000_000
_TRIES = 3


class Checker:
    """It loads as soon as it is made and waits to be told what to check: that takes half a second, which
    passes while the file is being finished. One check each; close it through the context manager.
    """

    def __init__(self) -> None:
        self._process = _start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def check(self, slide: Path, manifest: Path, size: int, *, draft: bool = False) -> str:
        """Examine a slide of `size` bytes; returns the file's sha256.

        Of a `draft` the sha256 is not known yet, and its camera chunks were decoded when its layers were
        made: they are compared with their checksums and not decoded again. Raises VerifyFailed with the
        faults.
        """
        order, limit = _order(slide, manifest, draft=draft), _patience(size)
        for _ in range(_TRIES):
            try:
                said, complaint = self._process.communicate(order, timeout=limit)
            except subprocess.TimeoutExpired as error:
                raise _too_long(limit) from error
            code = self._process.returncode
            if code == 0:
                return str(json.loads(said)["sha256"])
            if code > 0:  # it has judged; one that was killed from outside has not
                break
            self._process = _start()
        try:
            faults = json.loads(said)["faults"]
        except (ValueError, KeyError):
            faults = [f"the checking process ended with {code}: {complaint.strip()[-500:]}"]
        raise _failed(faults)


class ForkedChecker:
    """A `Checker` that has everything loaded: forked off a process that has no threads and no sockets yet.
    It waits until there is something to check, and ends when its maker does. `not_its` are connections that
    it must not keep open.
    """

    def __init__(self, not_its: Sequence[Connection]) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(
            target=_answer, args=(theirs, (self.pipe, *not_its)), daemon=True
        )
        self._process.start()
        theirs.close()

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self.pipe.close()

    def check(self, slide: Path, manifest: Path, size: int, *, draft: bool = False) -> str:
        """As `Checker.check`, once; a fresh process does it should this one have been killed."""
        try:
            self.pipe.send_bytes(_order(slide, manifest, draft=draft).encode())
            if not self.pipe.poll(_patience(size)):
                raise _too_long(_patience(size))
            said = json.loads(self.pipe.recv_bytes())
        except (EOFError, OSError):
            with Checker() as fresh:
                return fresh.check(slide, manifest, size, draft=draft)
        if said["faults"]:
            raise _failed(said["faults"])
        return str(said["sha256"])


def _answer(pipe: Connection, not_mine: Sequence[Connection]) -> None:
    for connection in not_mine:
        connection.close()
    limit_memory(MEMORY_MIB)
    with contextlib.suppress(EOFError):  # nothing to check
        pipe.send_bytes(json.dumps(asdict(judge_order(pipe.recv_bytes()))).encode())


def judge_order(order: str | bytes) -> Verdict:
    """What a checking process says of the file that it is told of."""
    values = json.loads(order)
    return judge(Path(values["slide"]), Path(values["manifest"]), draft=values["draft"])


def _order(slide: Path, manifest: Path, *, draft: bool) -> str:
    return json.dumps({"slide": str(slide), "manifest": str(manifest), "draft": draft})


def _patience(size: int) -> float:
    return _SECONDS + size / _BYTES_PER_S


def _too_long(limit: float) -> VerifyFailed:
    return VerifyFailed(f"the check of the finished file took over {limit:.0f} s")


def _failed(faults: list[str]) -> VerifyFailed:
    reason = faults[0] if faults else "no reason given"
    return VerifyFailed(f"the finished file failed its check: {reason}", faults)


def _start() -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "vslide", "verify", "--told", "--json", "--memory-mib", str(MEMORY_MIB)]
    package_root = str(Path(__file__).resolve().parent.parent)
    search = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": search, "OPENBLAS_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)
