"""What the vault refuses.

VaultError
├── AppendOnly      a row that exists was to be changed or removed
├── NoReason        a key was asked for without saying why
├── Exhausted       no free key was found: the space is nearly full
├── Away            the vault's database does not answer (retryable)
├── KeyMissing      the file that holds the vault's key cannot be read (retryable: it may be mounted again)
├── WrongKey        the file holds another vault's key
├── Damaged         a row or an export was changed, cut off, or sealed with another key
└── NotEmpty        a vault that holds keys was to be restored over
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


class Away(VaultError):
    code = "vault_away"
    retryable = True


class KeyMissing(VaultError):
    code = "vault_key_missing"
    retryable = True


class WrongKey(VaultError):
    code = "vault_key_wrong"


class Damaged(VaultError):
    code = "vault_damaged"


class NotEmpty(VaultError):
    code = "vault_not_empty"
