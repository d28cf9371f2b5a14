"""The supervisor's record (`run/status.json`), as others read it."""

import json
from dataclasses import dataclass

from config.lab.identity import Identity
from config.lab.layout import Lab


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    identity: Identity | None
    restarts: int
    last_end: str
    uptime_s: float


@dataclass(frozen=True, slots=True)
class Record:
    """`phase`: preparing, up, stopping, down or failed; `supervisor` is None when there never was one."""

    supervisor: Identity | None = None
    phase: str = "down"
    error: str = ""
    processes: tuple[Row, ...] = ()

    @property
    def is_up(self) -> bool:
        return self.supervisor is not None and self.supervisor.is_alive()


def _row(raw: dict[str, object]) -> Row:
    pid = raw["pid"]
    return Row(
        name=str(raw["name"]),
        identity=Identity(int(str(pid)), str(raw["began"])) if pid else None,
        restarts=int(str(raw["restarts"])),
        last_end=str(raw["last_end"]),
        uptime_s=float(str(raw["uptime_s"])),
    )


def read_record(lab: Lab) -> Record:
    """The last record; an empty one when there is none or it is not readable as one."""
    try:
        raw = json.loads((lab.run / "status.json").read_text())
        supervisor = Identity(int(raw["supervisor"]["pid"]), str(raw["supervisor"]["began"]))
        return Record(supervisor, raw["phase"], raw["error"], tuple(_row(row) for row in raw["processes"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Record()
