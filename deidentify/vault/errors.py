"""What the vault refuses.

VaultError
├── AppendOnly      a row that exists was to be changed or removed
├── NoReason        a key was asked for without saying why
└── Exhausted       no free key was found: the space is nearly full
"""


class VaultError(Exception):
    """Base of the vault's refusals."""

    code = "vault"
    retryable = False


class AppendOnly(VaultError):
    code = "append_only"


class NoReason(VaultError):
    code = "no_reason"


class Exhausted(VaultError):
    code = "keys_exhausted"
