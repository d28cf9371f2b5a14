"""Starting the supervisor from a shell, waiting until everything answers, and stopping it from any shell."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from config.lab.child import open_log
from config.lab.environment import python
from config.lab.errors import AlreadyUp, NotReady
from config.lab.identity import Identity
from config.lab.layout import CHECKOUT, Lab
from config.lab.orphans import sweep
from config.lab.processes import Process
from config.lab.record import read_record
from config.lab.status import Line, look

READY_PATIENCE_S = 180.0
STOP_PATIENCE_S = 30.0
HOPELESS_RESTARTS = 5
LAST_LINES = 15

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Running:
    """A supervisor that this shell has started."""

    lab: Lab
    popen: subprocess.Popen[bytes]


def last_lines(lab: Lab, name: str) -> str:
    file = lab.log / f"{name}.log"
    if not file.exists():
        return ""
    return "\n".join(file.read_text(errors="replace").splitlines()[-LAST_LINES:])


def _refuse_second(lab: Lab) -> None:
    record = read_record(lab)
    if record.is_up and record.supervisor:
        pid = record.supervisor.pid
        raise AlreadyUp(f"the laboratory in {lab.var} is up already (pid {pid}): {lab.web_url}")


def start(lab: Lab, *, tethered: bool) -> Running:
    """Start the supervisor in a session of its own. Tethered, it stops when this process dies.

    Raises AlreadyUp when one runs.
    """
    _refuse_second(lab)
    argv = [python(), "-m", "config.lab", "run", *(["--tether", str(os.getpid())] if tethered else [])]
    environment = os.environ | {"NOCTURNE_VAR": str(lab.var), "PYTHONPATH": str(CHECKOUT)}
    with open_log(lab.log / "supervisor.log") as out:
        popen = subprocess.Popen(
            argv,
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Running(lab, popen)


def wait_until_ready(running: Running, table: Sequence[Process], say: Say) -> None:
    """Say each process as it comes to answer.

    Raises AlreadyUp when another shell was faster, NotReady when the supervisor gives up or time is
    over; the end of the log that matters has been said then.
    """
    lab, waiting = running.lab, [process.name for process in table]
    deadline = time.monotonic() + READY_PATIENCE_S
    while waiting:
        if running.popen.poll() is not None:
            _explain_end(running, say)
        now = look(lab, table)
        if now.supervisor == running.popen.pid:
            for line in now.processes:
                if line.ok and line.name in waiting:
                    waiting.remove(line.name)
                    say(f"  {line.name:<18} {line.health}")
        _give_up_on(lab, [line for line in now.processes if line.name in waiting], deadline, say)
        time.sleep(0.2 if waiting else 0.0)


def _give_up_on(lab: Lab, waiting: Sequence[Line], deadline: float, say: Say) -> None:
    """Raises NotReady when a process dies again and again, or when time is over."""
    late = time.monotonic() > deadline
    hopeless = [line.name for line in waiting if late or line.restarts >= HOPELESS_RESTARTS]
    if hopeless:
        say(last_lines(lab, hopeless[0]))
        why = "did not answer in time" if late else "died again and again"
        raise NotReady(f"{', '.join(hopeless)} {why}; logs are in {lab.log}")


def _explain_end(running: Running, say: Say) -> None:
    lab = running.lab
    _refuse_second(lab)
    record = read_record(lab)
    say(last_lines(lab, record.error.split(" ", 1)[0] or "supervisor"))
    raise NotReady(record.error or f"the supervisor ended; see {lab.log / 'supervisor.log'}")


def stop(lab: Lab, say: Say) -> bool:
    """Stop the laboratory, whoever started it. Returns whether anything ran."""
    record = read_record(lab)
    if record.supervisor is None or not record.is_up:
        return sweep(lab) > 0
    return _end(lab, record.supervisor, say)


def _end(lab: Lab, supervisor: Identity, say: Say) -> bool:
    supervisor.signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_PATIENCE_S
    while supervisor.is_alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    if supervisor.is_alive():
        say(f"the supervisor did not stop in {STOP_PATIENCE_S:.0f} s and is ended by force")
        supervisor.signal(signal.SIGKILL)
        while supervisor.is_alive():
            time.sleep(0.05)
        sweep(lab)
    return True


def stop_running(running: Running, say: Say) -> None:
    """Stop the supervisor that this shell started, and collect it."""
    if running.popen.poll() is None:
        _end(running.lab, Identity.of(running.popen.pid), say)
    running.popen.wait()


def flush() -> None:
    """What was said so far is on the terminal before a child writes to it."""
    sys.stdout.flush()
    sys.stderr.flush()
