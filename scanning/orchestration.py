"""One scan as a pure machine: (state, event, now) → (state, commands).

`services.drive` carries the commands out and feeds back what happened. The simulated nights feed the same
machine from a seeded world. Times are seconds of any monotonic clock.

    opening ──Opened──▶ starting ──Started──▶ scanning ──Ended(done)──▶ finishing ──Finished──▶ ended
       ▲                    │                    │
       └────── waiting ◀────┴─ Lost / retryable ─┘            a fault that no repetition heals ──▶ ended
"""

from dataclasses import dataclass, replace
from typing import Literal

from lims.states import FailureReason

Phase = Literal["opening", "starting", "scanning", "waiting", "finishing", "ended"]

MAX_TAKEOVERS = 4
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 15.0
STALL_S = 60.0


@dataclass(frozen=True, slots=True)
class ScanState:
    phase: Phase = "opening"
    done: int = 0
    takeovers: int = 0
    advanced_at: float = 0.0  # when the last new plane was seen
    reason: str = ""
    message: str = ""


# --- events
@dataclass(frozen=True, slots=True)
class Opened:
    """The slide service holds the run for our fence; `durable` planes are already safe."""

    durable: int


@dataclass(frozen=True, slots=True)
class Started:
    """The scanner accepted the job."""


@dataclass(frozen=True, slots=True)
class Progressed:
    done: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The scanner says the job is over: code "" is success, else a word of the failure vocabulary."""

    code: str = ""
    message: str = ""
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """A process did not answer, or has forgotten us since it was restarted."""

    who: Literal["scanner", "slide_service"]
    message: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """The slide service took the order to build the slide."""


@dataclass(frozen=True, slots=True)
class Waited:
    """The pause is over."""


Event = Opened | Started | Progressed | Ended | Lost | Finished | Waited


# --- commands
@dataclass(frozen=True, slots=True)
class OpenRun:
    """Take a new fence and open the run at the slide service."""


@dataclass(frozen=True, slots=True)
class StartScan:
    pass


@dataclass(frozen=True, slots=True)
class Watch:
    """Look at the job again in a moment."""


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class FinishRun:
    pass


@dataclass(frozen=True, slots=True)
class Fail:
    reason: str
    message: str


Command = OpenRun | StartScan | Watch | Wait | FinishRun | Fail

# A fault of the glass is not healed by trying again at once; a person or another night must.
HEALED_BY_TAKEOVER = frozenset(
    {"client_lost", "slide_service", "lost_messages", "scanner_lost", "power_cut", "busy"}
)


# What processes call it, and what a person reads in the list of failures.
IN_OUR_WORDS = {
    "client_lost": FailureReason.SCANNER_LOST,
    "busy": FailureReason.SCANNER_LOST,
    "opening": FailureReason.SLIDE_SERVICE,
    "stale_fence": FailureReason.SLIDE_SERVICE,
}


def begin(now: float) -> tuple[ScanState, Command]:
    return ScanState(advanced_at=now), OpenRun()


def step(state: ScanState, event: Event, now: float) -> tuple[ScanState, Command | None]:
    """The next state and the one command to carry out; None when the scan has ended."""
    if state.phase == "ended":
        return state, None
    match event:
        case Opened():
            return replace(
                state, phase="starting", done=max(state.done, event.durable), advanced_at=now
            ), StartScan()
        case Started():
            return replace(state, phase="scanning", advanced_at=now), Watch()
        case Progressed():
            return _progress(state, event.done, now)
        case Ended(code=""):
            return replace(state, phase="finishing"), FinishRun()
        case Ended():
            return _ended(state, event)
        case Lost():
            reason = "scanner_lost" if event.who == "scanner" else "slide_service"
            return _again(state, reason, event.message)
        case Waited():
            return replace(state, phase="opening", advanced_at=now), OpenRun()
        case Finished():
            return replace(state, phase="ended"), None


def _progress(state: ScanState, done: int, now: float) -> tuple[ScanState, Command]:
    if done > state.done:
        return replace(state, done=done, advanced_at=now), Watch()
    if now - state.advanced_at > STALL_S:
        return _again(state, "stall", f"no new field for {STALL_S:.0f} s")
    return state, Watch()


def _ended(state: ScanState, event: Ended) -> tuple[ScanState, Command]:
    if event.code in HEALED_BY_TAKEOVER and event.retryable:
        return _again(state, event.code, event.message)
    return _fail(state, event.code, event.message)


def _again(state: ScanState, reason: str, message: str) -> tuple[ScanState, Command]:
    if state.takeovers >= MAX_TAKEOVERS:
        return _fail(state, reason, f"{message} (gave up after {state.takeovers + 1} tries)".strip())
    wait = min(FIRST_WAIT_S * 2**state.takeovers, LONGEST_WAIT_S)
    return replace(
        state, phase="waiting", takeovers=state.takeovers + 1, reason=reason, message=message
    ), Wait(wait)


def _fail(state: ScanState, code: str, message: str) -> tuple[ScanState, Command]:
    """The end, for a reason of the vocabulary."""
    known = code if code in FailureReason.values else FailureReason.OTHER
    reason = str(IN_OUR_WORDS.get(code, known))
    return replace(state, phase="ended", reason=reason, message=message), Fail(reason, message)
