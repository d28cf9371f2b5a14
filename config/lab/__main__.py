"""`python -m config.lab`: the laboratory's processes. `./nocturne` calls this when the set-up is done."""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from config.lab.checks import checks, run_all
from config.lab.environment import environment, python
from config.lab.errors import AlreadyUp, LabError, UnknownProcess, Unusable
from config.lab.identity import die_with
from config.lab.layout import CHECKOUT, Lab, default_var, empty_demo, open_lab
from config.lab.lifecycle import Running, flush, start, stop, stop_running, wait_until_ready
from config.lab.processes import folders, preparations, processes
from config.lab.record import read_record
from config.lab.status import look, table
from config.lab.supervisor import Supervisor

INTERRUPTED = 130
NOT_UP = 3
UNWELL = 1


def say(words: str) -> None:
    print(words, flush=True)


def note(words: str) -> None:
    print(f"nocturne: {words}", file=sys.stderr, flush=True)


def current_lab() -> Lab:
    """The laboratory that is meant: NOCTURNE_VAR's, or the one that is up, or the one that exists."""
    if os.environ.get("NOCTURNE_VAR"):
        return open_lab(default_var("lab"))
    known = [open_lab(default_var(kind), kind=kind) for kind in ("lab", "demo") if _exists(kind)]
    running = [lab for lab in known if read_record(lab).is_up]
    return (running or known or [open_lab(default_var("lab"))])[0]


def _exists(kind: str) -> bool:
    return (default_var(kind) / "lab.json").exists()


def run(arguments: argparse.Namespace) -> int:
    """The supervisor itself, in the foreground."""
    if arguments.tether:
        die_with(arguments.tether)
    lab = open_lab(default_var("lab"), scanners=arguments.scanners)
    Supervisor(lab, processes(lab), preparations(lab), environment(lab), folders(lab)).run()
    return 0


def one(arguments: argparse.Namespace) -> int:
    """Become one process of the table: for containers and service managers that supervise by themselves."""
    lab = open_lab(default_var("lab"))
    rows = {process.name: process for process in (*preparations(lab), *processes(lab))}
    if arguments.name not in rows:
        raise UnknownProcess(f"there is no process {arguments.name!r}; there are: {', '.join(rows)}")
    for folder in folders(lab):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    row = rows[arguments.name]
    os.chdir(CHECKOUT)
    os.execve(row.argv[0], row.argv, {**environment(lab), **row.environment})  # noqa: S606


def up(arguments: argparse.Namespace) -> int:
    lab = open_lab(default_var("lab"), scanners=arguments.scanners)
    rows = processes(lab)
    say(f"Starting the laboratory in {lab.var}")
    running = start(lab, tethered=not arguments.detach)
    try:
        wait_until_ready(running, rows, say)
        say(f"The laboratory is up: {lab.web_url}")
        say("People of each role, for a trial: ./nocturne manage bootstrap --cast")
        if arguments.detach:
            say("It stays up; ./nocturne status looks at it, ./nocturne down stops it.")
            return 0
        say("Ctrl-C or ./nocturne down stops it.")
        running.popen.wait()
    except KeyboardInterrupt:
        say("Stopping the laboratory")
        stop_running(running, say)
    except LabError:
        stop_running(running, say)
        raise
    say("The laboratory is down; what it wrote is kept.")
    return 0


def down(arguments: argparse.Namespace) -> int:
    lab = current_lab()
    say(f"The laboratory in {lab.var} {'is down' if stop(lab, say) else 'was not up'}.")
    return 0


def status(arguments: argparse.Namespace) -> int:
    lab = current_lab()
    seen = look(lab, processes(lab))
    say(json.dumps(seen.as_json(), indent=2) if arguments.json else table(seen))
    if seen.supervisor is None:
        return NOT_UP
    return 0 if seen.ok else UNWELL


def check(arguments: argparse.Namespace) -> int:
    return 0 if run_all(checks(), say) else 1


def manage(arguments: Sequence[str]) -> int:
    """Become Django's command line, in the laboratory's environment and the caller's folder."""
    argv = [python(), str(CHECKOUT / "manage.py"), *arguments]
    os.execve(argv[0], argv, environment(current_lab()))  # noqa: S606


def demo(arguments: Sequence[str]) -> int:
    """A fresh laboratory, one night and morning in it, and then (unless headless) it stays up."""
    var = default_var("demo")
    options, passed = _demo_options().parse_known_args(arguments)
    if (var / "lab.json").exists():
        old = open_lab(var)
        if old.kind == "demo" and stop(old, say):
            say("The previous demonstration was still up and has been stopped.")
    if options.specimen:
        os.environ["SIMULATED_SPECIMEN"] = str(_specimen(options.specimen))
    empty_demo(var)
    lab = open_lab(var, kind="demo", scanners=options.scanners, seed=options.seed)
    say(f"Starting the laboratory in {lab.var}")
    running = start(lab, tethered=True)
    try:
        wait_until_ready(running, processes(lab), say)
        code = _run_demo(lab, [f"--seed={options.seed}", *passed])
        if not options.headless:
            _stay(running)
    except KeyboardInterrupt:
        code = INTERRUPTED
    finally:
        stop_running(running, say)
    say(f"The laboratory is down; what it wrote is in {lab.var}")
    return code


def _specimen(file: Path) -> Path:
    """The picture that is to lie under the simulated lens. Raises Unusable where there is none."""
    if not file.is_file():
        raise Unusable(f"--specimen: there is no file {file}")
    return file.resolve()


def _stay(running: Running) -> None:
    """Keep the demonstration's laboratory up, for looking around, until someone stops it."""
    say(f"The laboratory stays up: {running.lab.web_url} (Ctrl-C or ./nocturne down stops it)")
    with contextlib.suppress(KeyboardInterrupt):
        running.popen.wait()


def _demo_options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nocturne demo", add_help=False, allow_abbrev=False)
    parser.add_argument("--headless", action="store_true")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scanners", type=int)
    parser.add_argument(
        "--specimen", type=Path, metavar="FILE", help="a picture or whole-slide file to lie under the lens"
    )
    return parser


def _run_demo(lab: Lab, arguments: Sequence[str]) -> int:
    flush()
    argv = [python(), str(CHECKOUT / "manage.py"), "demo", *arguments]
    with subprocess.Popen(argv, env=environment(lab)) as running:
        try:
            return running.wait()
        except KeyboardInterrupt:
            running.send_signal(signal.SIGTERM)
            raise


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="nocturne", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    table: tuple[tuple[str, Callable[[argparse.Namespace], int], str], ...] = (
        ("up", up, "start the laboratory and keep it up"),
        ("down", down, "stop it, from any shell"),
        ("status", status, "each process and its health; exit code 0 well, 1 unwell, 3 not up"),
        ("check", check, "linters, types, contracts, migrations, system checks"),
        ("run", run, "the supervisor itself, in the foreground"),
        ("one", one, "one process of the table, unsupervised"),
    )
    made = {name: commands.add_parser(name, help=words) for name, _, words in table}
    for name, verb, _ in table:
        made[name].set_defaults(verb=verb)
    made["up"].add_argument("--detach", "-d", action="store_true", help="return when everything answers")
    for name in ("up", "run"):
        made[name].add_argument("--scanners", type=int, metavar="N", help="how many simulated scanners")
    made["status"].add_argument("--json", action="store_true")
    made["run"].add_argument("--tether", type=int, metavar="PID", help="stop when this parent dies")
    made["one"].add_argument("name")
    return top


def _terminate(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(argv: Sequence[str]) -> int:
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminate)
    try:
        if argv[:1] == ["manage"]:
            return manage(argv[1:])
        if argv[:1] == ["demo"]:
            return demo(argv[1:])
        arguments = parser().parse_args(argv)
        return int(arguments.verb(arguments))
    except AlreadyUp as error:
        note(str(error))
        return 0
    except LabError as error:
        note(str(error))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
