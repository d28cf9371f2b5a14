"""What stops a release.

NocturneError
├── BadName             a part of a file's name is not what the template allows (BadInput)
├── NameCollision       two files would have one name (Conflict)
├── NotReleasable       a slide or a report is not, or no longer, fit to leave (Conflict)
├── SmallCells          patients would stand nearly alone in it (NotReleasable)
├── ReleaseStopped      stopped: the gate found something, or a file is not the one that passed (Conflict)
└── NoKeys              the vault gives out no key: away, or it refuses (Unavailable)
"""

from typing import Any

from core.errors import BadInput, Conflict, Unavailable
from deidentify.vault.errors import VaultError


class BadName(BadInput):
    code = "bad_name"


class NameCollision(Conflict):
    code = "name_collision"


class NotReleasable(Conflict):
    code = "not_releasable"


class ReleaseStopped(Conflict):
    code = "release_stopped"


class SmallCells(NotReleasable):
    code = "small_cells"


class NoKeys(Unavailable):
    """The vault's own words name files of the host: they stay in the log, its code is said."""

    code = "no_keys"

    def __init__(self, cause: VaultError, **detail: Any) -> None:
        self.retryable = cause.retryable  # type: ignore[misc]  # as its cause is
        super().__init__(
            f"The vault gives out no key ({cause.code}). Nothing was made, and no name was given: "
            "try again, or let whoever keeps the vault look (docs/vault.md).",
            vault=cause.code,
            **detail,
        )
