"""The separate process that examines a finished file, with limited memory and time, before it gets its
name."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from vslide.errors import VerifyFailed

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
        order = json.dumps({"slide": str(slide), "manifest": str(manifest), "draft": draft})
        limit = _SECONDS + size / _BYTES_PER_S
        for _ in range(_TRIES):
            try:
                said, complaint = self._process.communicate(order, timeout=limit)
            except subprocess.TimeoutExpired as error:
                raise VerifyFailed(f"the check of the finished file took over {limit:.0f} s") from error
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
        reason = faults[0] if faults else "no reason given"
        raise VerifyFailed(f"the finished file failed its check: {reason}", faults)


def _start() -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "vslide", "verify", "--told", "--json", "--memory-mib", str(MEMORY_MIB)]
    package_root = str(Path(__file__).resolve().parent.parent)
    search = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": search, "OPENBLAS_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)
