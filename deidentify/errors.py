"""What stops a de-identification. Nothing is published when any of these is raised.

DeidentifyError
├── UnsupportedFormat    no rule says how a file of this kind is made clean
├── UnknownContent       a tag, key or segment that is on no list (`name` says which)
├── BrokenInput          the input contradicts itself or ends too early
├── LockedInput          the input asks for a password
├── OcrMissing           a scanned page, and no engine on this machine that reads pictures
├── BadKnownValues       the known values are missing or of the wrong shape
├── ReviewStale          a person decided of another text, or of other findings, than there are now
├── AlreadyThere         the destination exists; a published file is never overwritten
├── CannotCover          a region that a person covered cannot be made plain in this file
├── NotSound             the clean file is not as it was meant: a fault of this program
├── GateRefused          the independent search found something or could not judge (`certificate`)
├── GateFailed           the gate's process did not answer (retryable)
└── NoSpace              the disk is full or refused a write (retryable)
"""

from typing import Any


class DeidentifyError(Exception):
    """Base of every error of this package. ``code`` is stable; ``retryable`` says whether trying again can
    help."""

    code = "deidentify"
    retryable = False


class UnsupportedFormat(DeidentifyError):
    code = "unsupported_format"


class UnknownContent(DeidentifyError):
    """Something that is on no list stands in the input; ``name`` is its tag or key, never its value."""

    code = "unknown_content"

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class BrokenInput(DeidentifyError):
    code = "broken_input"


class LockedInput(DeidentifyError):
    code = "encrypted"


class OcrMissing(DeidentifyError):
    """Not retryable: somebody installs an engine first, then sends it through once more."""

    code = "ocr_missing"


class BadKnownValues(DeidentifyError):
    code = "bad_known_values"


class ReviewStale(DeidentifyError):
    """Not retryable: somebody reviews it anew."""

    code = "review_stale"


class AlreadyThere(DeidentifyError):
    code = "already_there"


class CannotCover(DeidentifyError):
    """Not retryable: somebody draws the region anew, or keeps the slide here."""

    code = "cannot_cover"


class NotSound(DeidentifyError):
    code = "not_sound"


class GateRefused(DeidentifyError):
    """The gate's verdict was not clean; ``certificate`` is what it wrote."""

    code = "gate_refused"

    def __init__(self, message: str, certificate: dict[str, Any]) -> None:
        super().__init__(message)
        self.certificate = certificate


class GateFailed(DeidentifyError):
    code = "gate_failed"
    retryable = True


class NoSpace(DeidentifyError):
    code = "disk_full"
    retryable = True
