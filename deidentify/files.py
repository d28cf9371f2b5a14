"""One file made clean: read, written anew beside its destination, judged by the gate, and only then given its
name.

At every moment the destination either does not exist or is complete and passed: it comes into being by one
``link``.
"""

import errno
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psutil

from deidentify.errors import AlreadyThere, BrokenInput, GateFailed, GateRefused, NoSpace, UnsupportedFormat
from deidentify.images.dicom import clean_dicom
from deidentify.images.mosaic import clean_mosaic
from deidentify.images.slides import clean_tiff
from deidentify.known import Known
from deidentify.reports.deciding import Decisions
from deidentify.reports.making import Found, check_form, find_in_report, make_report
from deidentify.reports.reading import HEAD, as_text, kind_of, read_report
from deidentify.reports.writing import Policy

GATE_TIMEOUT_S: Final = 3600.0
_CHECKOUT: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Outcome:
    """A published file: what it is, what was done to it, and the gate's certificate."""

    path: Path
    source_sha256: str
    sha256: str
    bytes: int
    format: str
    policy_version: str
    seconds: float
    certificate: dict[str, Any]
    work: dict[str, Any] = field(default_factory=dict)

    def report(self) -> dict[str, Any]:
        """JSON for people and programs; it names no value of the person and no path of the input."""
        result = asdict(self)
        del result["path"]
        return result


def deidentify_file(
    source: Path,
    destination: Path,
    known: Known,
    policy: Policy | None = None,
    decisions: Decisions | None = None,
) -> Outcome:
    """Write ``destination`` and return what was done. ``decisions`` are a person's, of a report.

    Raises the errors of ``deidentify.errors``; then ``destination`` does not exist.
    """
    started = time.monotonic()
    policy = policy or Policy()
    if destination.exists():
        raise AlreadyThere(f"{destination} is there already: a published file is never overwritten")
    name, clean = _maker(source, destination, decisions)
    with _room_beside(destination) as draft, _storage_errors():
        before = _sha256(source)
        work = clean(source, draft, known, policy)
        _sync(draft)
        if _sha256(source) != before:
            raise BrokenInput("the input changed while it was read")
        certificate = run_gate(draft, known)
        digest = _sha256(draft)
        if certificate["sha256"] != digest:
            raise GateRefused("the gate judged other bytes than these", certificate)
        size = draft.stat().st_size
        draft.chmod(0o640)
        _publish(draft, destination)
    seconds = round(time.monotonic() - started, 3)
    return Outcome(destination, before, digest, size, name, policy.name, seconds, certificate, work)


def run_gate(path: Path, known: Known, timeout_s: float = GATE_TIMEOUT_S) -> dict[str, Any]:
    """The gate's certificate for a clean file. It runs as its own process and gets the known values on
    standard input.

    Raises GateRefused when it found something or cannot judge, GateFailed when it did not answer.
    """
    path = path.resolve()  # the gate starts in another folder
    proof = path.with_name(f"{path.name}.certificate")
    command = [
        sys.executable,
        "-m",
        "deidentify.gate",
        str(path),
        "--known",
        "-",
        "--certificate",
        str(proof),
    ]
    try:
        done = subprocess.run(
            command,
            input=known.as_json(),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            cwd=_CHECKOUT,
        )
        certificate: dict[str, Any] = json.loads(proof.read_text(encoding="utf-8"))
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise GateFailed(f"the gate gave no certificate: {type(error).__name__}") from error
    finally:
        proof.unlink(missing_ok=True)
    if done.returncode < 0:
        raise GateFailed(f"the gate was ended by signal {-done.returncode}")
    if done.returncode != 0 or certificate.get("state") != "clean":
        raise GateRefused(_refusal(certificate), certificate)
    return certificate


def _refusal(certificate: dict[str, Any]) -> str:
    hits = certificate.get("hits") or []
    if hits:
        places = sorted({f"{hit['place']} ({hit['encoding']})" for hit in hits})
        return f"the gate found {len(hits)} traces: {', '.join(places[:3])}{' …' if len(places) > 3 else ''}"
    return f"the gate cannot judge the result: {certificate.get('problem', 'no reason given')}"


Maker = Callable[[Path, Path, Known, Policy], dict[str, Any]]


def _maker(source: Path, destination: Path, decisions: Decisions | None) -> tuple[str, Maker]:
    """Which rule makes this file clean, by its first bytes; the name only decides between kinds of text."""
    try:
        with source.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise BrokenInput(f"the input cannot be read: {error.strerror}") from error
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff", _tiff
    if head[:8] == b"\x89HDF\r\n\x1a\n":
        return "hdf5", _hdf5
    if head[128:132] == b"DICM":
        return "dicom", _dicom
    kind = kind_of(source.name, head)
    if kind is None:
        raise UnsupportedFormat(f"no rule makes a {source.suffix or 'nameless'} file of this kind clean")
    return kind, partial(make_report, kind=kind, form=check_form(destination), decisions=decisions)


def _tiff(source: Path, draft: Path, known: Known, policy: Policy) -> dict[str, Any]:
    with draft.open("x+b") as file:
        return asdict(clean_tiff(source, file, policy.covered))


def _hdf5(source: Path, draft: Path, known: Known, policy: Policy) -> dict[str, Any]:
    return clean_mosaic(source, draft, policy.covered)


def _dicom(source: Path, draft: Path, known: Known, policy: Policy) -> dict[str, Any]:
    return clean_dicom(source, draft, policy.secret, policy.covered)


def found_in(report: Path, known: Known, policy: Policy) -> Found:
    """What the rules find in a report, for a person to look at. Raises what reading it raises."""
    try:
        with report.open("rb") as file:
            kind = kind_of(report.name, file.read(HEAD))
    except OSError as error:
        raise BrokenInput(f"the report cannot be read: {error.strerror}") from error
    return find_in_report(report, known, policy, kind=kind or "text")


def text_of(report: Path, *, ocr: bool = False) -> str:
    """What a report says, in plain text; without ``ocr`` a scanned page only says that it is one. Raises
    BrokenInput, UnsupportedFormat, LockedInput, OcrMissing.
    """
    try:
        with report.open("rb") as file:
            kind = kind_of(report.name, file.read(HEAD))
    except OSError as error:
        raise BrokenInput(f"the report cannot be read: {error.strerror}") from error
    return as_text(read_report(report, kind or "text", ocr=ocr).lines)


@contextmanager
def _room_beside(destination: Path) -> Iterator[Path]:
    """A private name for the draft on the same file system. What a killed process left there is swept
    first."""
    folder = destination.parent
    if not folder.is_dir():
        raise BrokenInput(f"{folder} is no folder")
    for left in folder.glob(".nocturne-*-*.draft*"):
        owner = left.name.split("-")[1]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            left.unlink(missing_ok=True)
    draft = folder / f".nocturne-{os.getpid()}-{uuid4().hex}.draft"
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        first = _first(error)
        said = first.strerror or type(first).__name__  # a library's own words name files of this host
        if first.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS):
            raise NoSpace(f"the clean file could not be stored: {said}") from error
        raise BrokenInput(f"reading or storing failed: {said}") from error


def _first(error: OSError) -> OSError:
    """What the system said: pydicom raises it again with other words and without its number."""
    while error.errno is None and isinstance(error.__cause__, OSError):
        error = error.__cause__
    return error


def _publish(draft: Path, destination: Path) -> None:
    """Give the draft its name in one step that never replaces anything, and make the name durable."""
    try:
        os.link(draft, destination)
    except FileExistsError as error:
        raise AlreadyThere(f"{destination} is there already") from error
    with suppress(OSError):  # some file systems refuse to sync a folder; the link itself stands
        _sync(destination.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
