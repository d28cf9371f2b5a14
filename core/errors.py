"""The errors of the Django side.

    NocturneError
    ├── BadInput            what was given cannot be used; says which part and why
    ├── NotFound            no such thing, or not for this person
    ├── NotAllowed          this person may not do this
    ├── Conflict            somebody else was first, or the state does not allow it
    └── Unavailable         a process we need does not answer (retryable)
        └── NotNow          nothing was tried, for it is away: comes again later, and is not counted as a try

Every error carries a stable ``code``, a sentence for people, ``detail`` for programs, and whether trying the
same
thing again can help. `core.api` turns them into the one JSON shape; `core.views` into the one error page.
"""

from typing import Any, ClassVar


class NocturneError(Exception):
    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **detail: Any) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class BadInput(NocturneError):
    code = "bad_input"
    status = 400


class NotFound(NocturneError):
    code = "not_found"
    status = 404


class NotAllowed(NocturneError):
    code = "not_allowed"
    status = 403


class Conflict(NocturneError):
    code = "conflict"
    status = 409


class Unavailable(NocturneError):
    code = "unavailable"
    status = 503
    retryable = True


class NotNow(Unavailable):
    code = "not_now"
    delay_s: ClassVar[float] = 10.0
