"""What scanner and slide service say, as the events that `orchestration` decides on."""

from lims.states import FailureReason
from microscope.messages import JobStatus
from scanning import orchestration as flow
from wire import RemoteError, WireError


def of_scanner(code: str, message: str, retryable: bool) -> flow.Event:
    """A fault by its code."""
    if code == "scanner_lost":
        return flow.Lost("scanner", message)
    return flow.Ended(code, message, retryable or code == "stale_fence")


def of_job(status: JobStatus) -> flow.Event:
    """How a scan stands at the scanner."""
    match status.state:
        case "unknown":
            return flow.Lost("scanner", "the scanner was restarted")
        case "failed" | "aborted":
            return of_scanner(status.code or "other", status.message, status.retryable)
        case "done":
            return flow.Ended()
    return flow.Progressed(status.done)


def of_slide_service(error: WireError) -> flow.Event:
    """It does not answer, or it has refused."""
    if not isinstance(error, RemoteError):
        return flow.Lost("slide_service", str(error))
    if error.code == "stale_fence":
        return flow.Ended(error.code, str(error), retryable=True)
    known = error.code if error.code in FailureReason.values else "slide_service"
    return flow.Ended(known, str(error), error.retryable)


def is_refused(event: flow.Event) -> bool:
    """Whether somebody drives with a higher fence than ours."""
    return isinstance(event, flow.Ended) and event.code == "stale_fence"
