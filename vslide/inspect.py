"""The door for files of unknown origin: a separate, limited process looks first.

A crafted file can crash or exhaust whatever opens it (HDF5 segfaults on one in five torn files), so nothing
in a long-lived process opens one before this has passed.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from vslide.errors import UnsafeFile

MEMORY_MIB = 2048
TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Inspection:
    """`kind` is "hdf5", "tiff" or "dicom"; `bytes` the size of the file."""

    kind: str
    bytes: int


def inspect_file(path: Path, *, timeout_s: float = TIMEOUT_S, memory_mib: int = MEMORY_MIB) -> Inspection:
    """Raise UnsafeFile with the reason unless `path` may be opened. Costs one short process.

    Refused are links, storage outside the file, virtual datasets, unknown filters, sizes that the stored
    bytes cannot hold, directories in a circle, and whatever makes the inspecting process die or dawdle.
    """
    command = [
        sys.executable,
        "-m",
        "vslide",
        "inspect",
        str(path),
        "--json",
        "--here",
        "--memory-mib",
        str(memory_mib),
    ]
    search = os.pathsep.join(
        filter(None, (str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH")))
    )
    environment = os.environ | {"PYTHONPATH": search, "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, env=environment, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnsafeFile(f"{path.name}: looking at it took longer than {timeout_s:g} s") from error
    try:
        found = json.loads(done.stdout)
        reasons, kind = list(found["reasons"]), str(found["kind"])
    except (ValueError, KeyError, TypeError) as error:
        raise UnsafeFile(f"{path.name}: the process that looked at it died ({done.returncode})") from error
    if done.returncode or reasons:
        raise UnsafeFile(f"{path.name}: {'; '.join(reasons[:5])}")
    return Inspection(kind, path.stat().st_size)
