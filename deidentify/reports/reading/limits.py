"""What reading one report may cost."""

import resource
from typing import Final

MEMORY_MIB: Final = 3072
CPU_S: Final = 300


def limit() -> None:
    """Memory of its own, processor time, nothing written, no core dump."""
    for what, value in (
        (resource.RLIMIT_DATA, MEMORY_MIB << 20),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(what)
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(what, (value, value))
