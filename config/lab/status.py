"""What runs and how it does: the supervisor's record, the machine's figures, a question to each process."""

import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import psutil

from config.lab.identity import Identity
from config.lab.layout import Lab
from config.lab.processes import Process
from config.lab.record import Row, read_record

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Line:
    """One process as seen now. `rss_bytes` includes its children."""

    name: str
    pid: int | None
    uptime_s: float
    restarts: int
    rss_bytes: int
    ok: bool
    health: str


@dataclass(frozen=True, slots=True)
class Status:
    phase: str
    error: str
    supervisor: int | None
    var: str
    web: str
    processes: tuple[Line, ...]

    @property
    def ok(self) -> bool:
        return self.phase == "up" and all(line.ok for line in self.processes)

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"ok": self.ok}


def memory(identity: Identity | None) -> int:
    """Resident memory of a process and its children (bytes)."""
    if identity is None or not identity.is_alive():
        return 0
    total = 0
    with contextlib.suppress(psutil.Error):
        leader = psutil.Process(identity.pid)
        for process in (leader, *leader.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
    return total


def _line(process: Process, row: Row | None) -> Line:
    if row is None or row.identity is None or not row.identity.is_alive():
        words = f"down: {row.last_end}" if row and row.last_end else "down"
        return Line(process.name, None, 0.0, row.restarts if row else 0, 0, False, words)
    health = process.probe.ask()
    pid, size = row.identity.pid, memory(row.identity)
    return Line(process.name, pid, row.uptime_s, row.restarts, size, health.ok, health.words)


def look(lab: Lab, table: Sequence[Process]) -> Status:
    """Ask every process of the table at once."""
    record = read_record(lab)
    rows = {row.name: row for row in record.processes} if record.is_up else {}
    with ThreadPoolExecutor(max_workers=max(1, len(table))) as pool:
        lines = tuple(pool.map(lambda process: _line(process, rows.get(process.name)), table))
    phase = record.phase
    if not record.is_up and phase not in ("down", "failed"):
        phase = "down"
    pid = record.supervisor.pid if record.supervisor and record.is_up else None
    return Status(phase, record.error, pid, str(lab.var), lab.web_url, lines)


def duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def table(status: Status) -> str:
    """The status as a table for a terminal."""
    if status.supervisor is None:
        why = f" ({status.error})" if status.error else ""
        return f"The laboratory in {status.var} is down{why}. Start it with ./nocturne up"
    head = f"{'process':<18}{'pid':>8}{'up':>13}{'restarts':>10}{'memory':>10}  health"
    lines = [f"The laboratory in {status.var}: {status.phase}, {status.web}", "", head]
    for line in status.processes:
        size = f"{line.rss_bytes / MIB:.0f} MB" if line.pid else "-"
        up = duration(line.uptime_s) if line.pid else "-"
        mark = "" if line.ok else "! "
        figures = f"{line.pid or '-':>8}{up:>13}{line.restarts:>10}{size:>10}"
        lines.append(f"{line.name:<18}{figures}  {mark}{line.health}")
    total = sum(line.rss_bytes for line in status.processes)
    lines.append(f"{'together':<18}{'':>8}{'':>13}{'':>10}{total / MIB:>7.0f} MB")
    return "\n".join(lines)
