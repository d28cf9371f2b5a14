"""What can go wrong with a virtual slide.

SlideError
├── InvalidHeader       a header, channel or plane that contradicts itself
├── IdentityRefused     something that could name a person was about to enter a pixel file
├── NotASlide           neither a slide of ours nor a vendor file that can be read
├── NoEvidence          the pictures do not show what was to be measured
├── NoSuchField         a field, channel or level that the slide does not have
├── Outdated            a live slide has grown since it was opened: open it again (retryable)
├── DealerLost          the dealer that holds this slide does not answer (retryable)
├── KeyMissing          the slide is sealed with a key that is not here (`key_id`)
├── KeyRefused          a key that others may read, or that is not what its name says
├── Damaged             bytes that do not match their checksum, or planes that are missing (`missing`)
│   └── Truncated       the file or record ends before its stated length
├── Conflict            two different pictures claim the same place in the slide
│   └── AlreadyThere    the final name is taken by a different file
├── StaleFence          a newer writer has taken the run over
├── JournalFailed       the disk refused a write or a sync; nothing since the last commit counts
│   └── NoSpace         the disk is full (retryable once there is room)
├── DiskFailed          the disk refused the slide's file; the journal has everything (retryable)
├── UnsafeFile          an untrusted file uses something that a slide never needs
└── VerifyFailed        the independent check of a finished file found faults (`faults`)
"""

from collections.abc import Sequence


class SlideError(Exception):
    """Base of every error of this package. `code` is stable; `retryable` says whether trying again can
    help.
    """

    code: str = "slide_error"
    retryable: bool = False


class InvalidHeader(SlideError, ValueError):
    code = "invalid_header"


class IdentityRefused(SlideError, ValueError):
    code = "identity_refused"


class NotASlide(SlideError):
    code = "not_a_slide"


class NoEvidence(SlideError):
    code = "no_evidence"


class NoSuchField(SlideError):
    code = "no_such_field"


class Outdated(SlideError):
    code = "outdated"
    retryable = True


class DealerLost(SlideError):
    code = "dealer_lost"
    retryable = True


class KeyMissing(SlideError):
    """The slide is sealed with the key `key_id`, which is not at hand."""

    code = "key_missing"

    def __init__(self, message: str, key_id: str = "") -> None:
        super().__init__(message)
        self.key_id = key_id


class KeyRefused(SlideError):
    code = "key_refused"


class Damaged(SlideError):
    """Stored bytes are wrong or missing. `missing` holds (r, c, z, t, channel) of each plane that is not
    there.
    """

    code = "damaged"

    def __init__(self, message: str, missing: Sequence[tuple[int, int, int, int, int]] = ()) -> None:
        super().__init__(message)
        self.missing = tuple(missing)


class Truncated(Damaged):
    code = "truncated"


class Conflict(SlideError):
    code = "conflict"


class AlreadyThere(Conflict):
    code = "already_there"


class StaleFence(SlideError):
    code = "stale_fence"


class JournalFailed(SlideError):
    code = "journal_failed"


class NoSpace(JournalFailed):
    code = "disk_full"
    retryable = True


class DiskFailed(SlideError):
    code = "disk_failed"
    retryable = True


class UnsafeFile(SlideError):
    code = "unsafe_file"


class VerifyFailed(SlideError):
    """The independent check failed. `faults` are the lines that it printed."""

    code = "verify_failed"

    def __init__(self, message: str, faults: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)
