"""What was issued, once more, in files outside the database: the ledger, to which each row is added before it
counts, and exports, which are the same lines and an end.

A restore reads any number of them together. A number in one of them is never given out again, even where two
lines of the ledger say that somebody got it who did not (a process died between the ledger and the database:
then the later line counts, and the earlier number stays reserved).

A line is JSON: `{"ring": …}` for the wrapped data key, `{"owner": …, "value": …, "sealed": …}` for a row,
`{"end": N}` after the last of an export. The rows are sealed as they are in the database.
"""

import base64
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from deidentify.vault.errors import Damaged, KeyMissing
from deidentify.vault.models import Issued, KeyRing

LONGEST_LINE: Final = 4096


@dataclass(frozen=True, slots=True)
class Line:
    owner: str
    value: str
    sealed: bytes


def append(row: Issued) -> None:
    """Durably at the end of the ledger. Raises ``KeyMissing`` (retryable) where it cannot be written: then
    the row must not be either.
    """
    _add(_row(row))


def append_ring(ring: KeyRing) -> None:
    """From here on the data key is wrapped by another file key. Raises ``KeyMissing``."""
    _add(_ring(ring))


def _add(line: bytes) -> None:
    file = Path(settings.VAULT_LEDGER_FILE)
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            words = b"" if os.fstat(handle).st_size else _ring(KeyRing.objects.latest("generation"))
            os.write(handle, words + line)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise KeyMissing(f"the vault's ledger cannot be written: {error.strerror}") from error


def write(file: Path, ring: KeyRing, rows: Iterable[Issued]) -> int:
    """An export under a name that is free, whole or not at all; how many rows. Raises ``OSError``."""
    draft = file.with_name(f".{file.name}.draft")
    count = 0
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as made:
            made.write(_ring(ring))
            for row in rows:
                made.write(_row(row))
                count += 1
            made.write(_line({"end": count}))
            made.flush()
            os.fsync(made.fileno())
        os.link(draft, file)
    finally:
        draft.unlink(missing_ok=True)
    return count


def read(file: Path, *, is_export: bool) -> tuple[bytes, list[Line]]:
    """The wrapped data key and the lines. Raises ``Damaged``: an export without its end, or with lines
    missing, is one. Of a ledger the last line may be half written: nobody was ever told of it.
    """
    try:
        said = list(_read(file, is_export=is_export))
        if not said or "ring" not in said[0]:
            raise Damaged(f"{file.name} does not begin with a key ring")
        end = said.pop() if is_export else None
        rings = [one["ring"] for one in said if "ring" in one]
        issued = [one for one in said if "ring" not in one]
        rows = [Line(one["owner"], one["value"], base64.b64decode(one["sealed"])) for one in issued]
        if end is not None and end.get("end") != len(rows):
            raise Damaged(f"{file.name} is cut off: {len(rows)} rows, and its end does not say so")
        return base64.b64decode(rings[-1]), rows
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{file.name} cannot be read as an export of a vault: {error}") from error


def _read(file: Path, *, is_export: bool) -> Iterator[dict[str, Any]]:
    with file.open("rb") as lines:
        while line := lines.readline(LONGEST_LINE):
            if not line.endswith(b"\n"):
                if is_export or len(line) == LONGEST_LINE:
                    raise Damaged(f"{file.name} ends within a line")
                return
            said = json.loads(line)
            if not isinstance(said, dict):
                raise Damaged(f"{file.name} holds a line that is no object")
            yield said


def _ring(ring: KeyRing) -> bytes:
    return _line({"ring": base64.b64encode(bytes(ring.wrapped)).decode()})


def _row(row: Issued) -> bytes:
    sealed = base64.b64encode(bytes(row.sealed)).decode()
    return _line({"owner": row.owner, "value": row.value, "sealed": sealed})


def _line(said: dict[str, Any]) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"
