"""What the gate says of one file. Only the standard library: the supervisor says it of a search that died."""

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

VERSION: Final = "2"
EXIT: Final = {"clean": 0, "found": 1, "unknown": 2}
NO_ENGINE: Final = "not looked at by OCR: no engine is installed"
NOT_ASKED: Final = "not looked at by OCR: switched off"
SEARCHES: Final = (
    "ascii", "utf-8", "cp1252", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "base64 at 3 offsets",
    "hex", "spaced hex", "url", "html entities", "escapes", "quoted-printable", "reversed",
    "separators removed or changed", "names in parts", "dates in their forms", "barcodes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hit:
    """Where something was found. It names the value by its place in the list, never by itself."""

    place: str
    encoding: str
    value: str
    offset: int


@dataclass(slots=True)
class Verdict:
    """``state`` is clean, found or unknown; only clean may leave. ``opened`` counts streams by their kind,
    ``pictures`` those that were looked at for barcodes and words, ``unopened`` says what was left closed."""

    state: str = "unknown"
    problem: str = ""
    format: str = ""
    sha256: str = ""
    bytes: int = 0
    streams: int = 0
    searched_bytes: int = 0
    needles: int = 0
    pictures: int = 0
    ocr: str = "no picture"
    opened: dict[str, int] = field(default_factory=dict)
    unopened: list[str] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def certificate(self) -> dict[str, object]:
        said = {"gate_version": VERSION, "program_sha256": program_sha256(), "searches": list(SEARCHES)}
        return said | asdict(self)


def program_sha256() -> str:
    """The gate that judged, by all of its source."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
