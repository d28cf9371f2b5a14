"""What can go wrong between two processes.

WireError
├── Garbage             a frame that is not of this protocol; dropped and counted, never fatal
├── VersionMismatch     the peer speaks another version of the protocol
├── Timeout             no answer in time (retryable)
├── PeerLost            the peer stopped answering in the middle of a stream (retryable)
├── Refused             the peer will not take this stream (``code`` of the refusal)
├── RemoteError         the peer answered with an error of its own (``code``, ``retryable`` as it said)
├── Busy                too much is under way for this client already (retryable)
├── CannotBind          the endpoint is taken or is none of this machine's (retryable)
└── Insecure            a socket that others could reach, without keys
"""


class WireError(Exception):
    """Base of every error of this package. ``code`` is stable; ``retryable`` says whether trying again can
    help.
    """

    code: str = "wire_error"
    retryable: bool = False


class Garbage(WireError):
    code = "garbage"


class VersionMismatch(WireError):
    code = "version_mismatch"


class Timeout(WireError):
    code = "timeout"
    retryable = True


class PeerLost(WireError):
    code = "peer_lost"
    retryable = True


class Refused(WireError):
    """The receiver of a stream said no; ``code`` is its word (``stale_fence``, ``disk_full`` …)."""

    code = "refused"

    def __init__(self, message: str, *, code: str = "refused", retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class RemoteError(WireError):
    """What the peer raised while it carried out our request."""

    code = "remote_error"

    def __init__(self, message: str, *, code: str = "remote_error", retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class Busy(WireError):
    code = "busy"
    retryable = True


class CannotBind(WireError):
    code = "cannot_bind"
    retryable = True


class Insecure(WireError):
    code = "insecure"
