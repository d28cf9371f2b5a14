"""Where one laboratory lives: its folder, its ports, its broker's socket. Chosen once, kept in `lab.json`."""

import json
import os
import re
import secrets
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from zlib import crc32

from config.lab.errors import Unusable

CHECKOUT = Path(__file__).resolve().parents[2]
# A socket's address has room for 108 bytes, and a plain path needs no quoting in a broker's URL.
SOCKET_PATH = re.compile(r"[A-Za-z0-9/._-]{1,100}")
FIRST_WEB_PORT = 8000
FIRST_INNER_PORT = 5700
PLACES = 1500  # of ten ports each, below those that the system hands out by itself


@dataclass(frozen=True, slots=True)
class Scanner:
    """One scanner's name and the ports of its commands and its events."""

    name: str
    command_port: int
    events_port: int
    seed: int


@dataclass(frozen=True, slots=True)
class Lab:
    """One laboratory on one machine. `var` is its folder; everything it writes is below."""

    var: Path
    kind: str
    identity: str
    web_port: int
    slide_port: int
    socket_dir: Path
    scanners: tuple[Scanner, ...]

    @property
    def run(self) -> Path:
        return self.var / "run"

    @property
    def log(self) -> Path:
        return self.var / "log"

    @property
    def broker_socket(self) -> Path:
        return self.socket_dir / "valkey.sock"

    @property
    def scratch(self) -> Path:
        """For temporary files: each process has a folder in it that goes with it, however it ends."""
        return Path(tempfile.gettempdir()) / f"nocturne-{self.identity}"

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}/"


def default_var(kind: str) -> Path:
    """The folder of the laboratory of this kind ("lab" or "demo"); NOCTURNE_VAR names another one."""
    named = os.environ.get("NOCTURNE_VAR")
    return Path(named).absolute() if named else CHECKOUT / "var" / kind


def port_is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_ports(first: int) -> Iterator[int]:
    """Ports nobody listens on, from `first` up. Raises Unusable when a thousand are taken."""
    for port in range(first, first + 1000):
        if port_is_free(port):
            yield port
    raise Unusable(f"no free port between {first} and {first + 1000}")


def make_folder(path: Path) -> None:
    """Make a folder that only its owner reads: pictures and records of patients are below it."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        raise Unusable(f"{path} cannot be used: {error.strerror}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise Unusable(f"{path} cannot be written by this user")


def _is_private(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _socket_dir(run: Path, recorded: str) -> Path:
    if SOCKET_PATH.fullmatch(str(run / "valkey.sock")):
        return run
    if recorded and recorded != str(run) and _is_private(Path(recorded)):
        return Path(recorded)
    return Path(tempfile.mkdtemp(prefix="nocturne-"))


def _read(file: Path) -> dict[str, object]:
    try:
        recorded = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Unusable(f"{file} cannot be read: {error}") from error
    if not isinstance(recorded, dict):
        raise Unusable(f"{file} is not a laboratory's record")
    return recorded


def _scanners(recorded: object, wanted: int | None, seed: int, ports: Iterator[int]) -> tuple[Scanner, ...]:
    known = [Scanner(**row) for row in recorded] if isinstance(recorded, list) else []
    for number in range(len(known) + 1, (wanted or max(len(known), 1)) + 1):
        known.append(Scanner(f"scanner-{number}", next(ports), next(ports), seed + number - 1))
    return tuple(known if wanted is None else known[:wanted])


def write_private(file: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    draft.replace(file)


def open_lab(var: Path, *, kind: str = "lab", scanners: int | None = None, seed: int = 1) -> Lab:
    """The laboratory in this folder: the recorded one, or a new one with free ports, recorded.

    Raises Unusable when the folder cannot be used or its record cannot be read.
    """
    for folder in (var, var / "run", var / "log"):
        make_folder(folder)
    recorded = _read(var / "lab.json")
    inner = _free_ports(FIRST_INNER_PORT + _offset(var))
    lab = Lab(
        var=var,
        kind=str(recorded.get("kind", kind)),
        identity=str(recorded.get("identity") or secrets.token_hex(8)),
        web_port=_web_port(var, recorded.get("web_port")),
        slide_port=int(str(recorded.get("slide_port") or next(inner))),
        socket_dir=_socket_dir(var / "run", str(recorded.get("socket_dir", ""))),
        scanners=_scanners(recorded.get("scanners"), scanners, seed, inner),
    )
    _save(lab)
    return lab


def _offset(var: Path) -> int:
    """Laboratories that start in the same second have bound nothing yet: each looks from its own place on."""
    return 0 if CHECKOUT in var.parents else 10 * (1 + crc32(str(var).encode()) % PLACES)


def _web_port(var: Path, recorded: object) -> int:
    wanted = os.environ.get("WEB_PORT") or recorded or next(_free_ports(FIRST_WEB_PORT + _offset(var)))
    try:
        return int(str(wanted))
    except ValueError as error:
        raise Unusable(f"WEB_PORT must be a port, not {wanted!r}") from error


def _save(lab: Lab) -> None:
    record = asdict(lab) | {"socket_dir": str(lab.socket_dir)}
    del record["var"]
    write_private(lab.var / "lab.json", json.dumps(record, indent=2) + "\n")


def empty_demo(var: Path) -> None:
    """Empty the demonstration's folder. Raises Unusable for a folder that holds anything else."""
    if not var.exists() or not any(var.iterdir()):
        return
    if _read(var / "lab.json").get("kind") != "demo":
        raise Unusable(f"{var} holds something that is not a demonstration; it is left as it is")
    shutil.rmtree(var)


def secret_key(var: Path) -> str:
    """The web server's secret: made once, kept in `secret` with mode 0600."""
    file = var / "secret"
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    with open(handle, "w") as out:
        key = secrets.token_urlsafe(48)
        out.write(key)
    return key
