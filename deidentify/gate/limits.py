"""What one search may cost. A file made to exhaust whoever opens it ends as one that cannot be judged."""

import resource
import signal
from types import FrameType
from typing import Final

from deidentify.gate.errors import CannotJudge

MEMORY_MIB: Final = 4096
CPU_S: Final = 3000
GRACE_S: Final = 20
MOST_WRITTEN: Final = 16 << 20


def limit(memory_mib: int, cpu_s: int) -> None:
    """Memory of its own (the map of the file is not counted), time, and room to write for a certificate."""
    _lower(resource.RLIMIT_DATA, memory_mib << 20)
    _lower(resource.RLIMIT_FSIZE, MOST_WRITTEN)
    _lower(resource.RLIMIT_CORE, 0)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    hard = cpu_s + GRACE_S if most == resource.RLIM_INFINITY else min(cpu_s + GRACE_S, most)
    resource.setrlimit(resource.RLIMIT_CPU, (min(cpu_s, hard), hard))
    signal.signal(signal.SIGXCPU, _out_of_time)


def _lower(what: int, value: int) -> None:
    _, most = resource.getrlimit(what)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(what, (value, value))


def _out_of_time(number: int, frame: FrameType | None) -> None:
    raise CannotJudge("the search took more time than it may have")
