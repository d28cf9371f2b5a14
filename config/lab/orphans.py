"""What a supervisor that was killed has left behind: found by its record and by its mark, and ended."""

import signal
import time

from config.lab.identity import Identity, marked
from config.lab.layout import Lab
from config.lab.record import read_record

PATIENCE_S = 3.0


def orphans(lab: Lab) -> set[Identity]:
    """Processes of this laboratory that live. Ask only while no supervisor holds the folder, or as that one.

    The record is asked too: a server may overwrite its own environment, where the mark is (Valkey does).
    """
    recorded = {row.identity for row in read_record(lab).processes if row.identity}
    return {found for found in recorded | set(marked(lab.identity)) if found.is_alive()}


def sweep(lab: Lab) -> int:
    """End every orphan: politely, then by force. Returns how many there were."""
    found = orphans(lab)
    for process in found:
        process.signal(signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and any(process.is_alive() for process in found):
        time.sleep(0.05)
    for process in found | orphans(lab):
        process.signal_group(signal.SIGKILL)
        process.signal(signal.SIGKILL)
    return len(found)
