"""One scan as a pure machine: (state, event, now) → (state, commands).

`services.drive` carries the commands out and feeds back what happened. The simulated nights feed the same
machine from a seeded world. Times are seconds of any monotonic clock.

    opening ──Opened──▶ starting ──Started──▶ scanning ──Ended(done)──▶ finishing ──Finished──▶ ended
       ▲                    │                    │
       └────── waiting ◀────┴─ Lost / retryable ─┘            a fault that no repetition heals ──▶ ended

Nothing is wrong with a slide whose scanner or slide service is away, or whose disk is full: it waits, for as
long as that lasts. Trouble that strikes again and again while the slide is in motion may be the slide's own:
then it is put to the end of the queue, so that the others get their turn, and fails when it is met again.
"""

from dataclasses import dataclass, replace
from typing import Literal

from lims.states import FailureReason

Phase = Literal["opening", "starting", "scanning", "waiting", "finishing", "ended"]
Fate = Literal["fail", "first", "last", "aside"]

MAX_TAKEOVERS = 4  # without a new plane in between
LAST_TAKEOVERS = 12  # of a slide that has been put to the end already, for the trouble of the house
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 15.0
PAUSE_LOOK_S = 0.5
STALL_S = 60.0


@dataclass(frozen=True, slots=True)
class ScanState:
    phase: Phase = "opening"
    done: int = 0
    takeovers: int = 0
    in_vain: int = 0  # takeovers since the last new plane
    waits: int = 0  # in a row, for somebody who is away
    paused: bool = False
    may_defer: bool = False  # has not been put to the end of the queue yet
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
    """The time is over."""


@dataclass(frozen=True, slots=True)
class Paused:
    """A person wants the stage to rest at once, or to go on."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class Stopped:
    """A person ends this scan. The slide fails, goes back to the queue, or has been taken aside already."""

    fate: Fate
    message: str


Event = Opened | Started | Progressed | Ended | Lost | Finished | Waited | Paused | Stopped


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
class PauseScan:
    """Let the stage rest after this field, or go on."""

    paused: bool


@dataclass(frozen=True, slots=True)
class StopScan:
    """End the job after this field; what becomes of the slide, and the house's trouble that made us do it."""

    fate: Fate
    message: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fail:
    reason: str
    message: str


Command = OpenRun | StartScan | Watch | Wait | FinishRun | PauseScan | StopScan | Fail

# A fault of the glass is not healed by trying again at once; a person or another night must.
HEALED_BY_TAKEOVER = frozenset(
    {
        "client_lost", "slide_service", "lost_messages", "scanner_lost", "power_cut", "busy", "disk_full",
        "stale_fence",
    }
)  # fmt: skip

# Nobody has touched the slide: it waits until they are back.
AWAY = frozenset({"scanner_lost", "slide_service", "opening"})
NOT_NOW = frozenset({"busy", "disk_full"})

# What processes call it, and what a person reads in the list of failures.
IN_OUR_WORDS = {
    "client_lost": FailureReason.SCANNER_LOST,
    "busy": FailureReason.SCANNER_LOST,
    "opening": FailureReason.SLIDE_SERVICE,
    "stale_fence": FailureReason.SLIDE_SERVICE,
}
HOUSE = frozenset({FailureReason.SCANNER_LOST, FailureReason.SLIDE_SERVICE, FailureReason.DISK_FULL})


def begin(now: float, *, may_defer: bool = False) -> tuple[ScanState, Command]:
    return ScanState(advanced_at=now, may_defer=may_defer), OpenRun()


def adopt(now: float, done: int, *, may_defer: bool = False) -> tuple[ScanState, Command]:
    """Go on with a scan whose driver has left in good order: the scanner is at work for our fence, or rests
    because that driver told it to. The first look at people's wishes says which is wanted.
    """
    return ScanState(phase="scanning", done=done, advanced_at=now, paused=True, may_defer=may_defer), Watch()


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
            return replace(state, phase="scanning", advanced_at=now, waits=0, paused=False), Watch()
        case Progressed():
            return _progress(state, event.done, now)
        case Paused():
            return _pause(state, wanted=event.wanted, now=now)
        case Waited():
            return replace(state, phase="opening", advanced_at=now), OpenRun()
        case Ended() | Finished() | Stopped():
            return _end(state, event)
        case Lost():
            reason = "scanner_lost" if event.who == "scanner" else "slide_service"
            return _again(state, reason, event.message)


def _progress(state: ScanState, done: int, now: float) -> tuple[ScanState, Command]:
    if done > state.done:
        return replace(state, done=done, advanced_at=now, in_vain=0), Watch()
    if state.paused:
        return replace(state, advanced_at=now), Watch()
    if now - state.advanced_at > STALL_S:
        return _again(state, "stall", f"no new field for {STALL_S:.0f} s")
    return state, Watch()


def _pause(state: ScanState, *, wanted: bool, now: float) -> tuple[ScanState, Command]:
    if state.phase == "scanning":
        return replace(state, paused=wanted, advanced_at=now), PauseScan(wanted)
    if wanted:  # nothing of ours is on the stage yet: nothing is put there
        return replace(state, phase="waiting"), Wait(PAUSE_LOOK_S)
    return replace(state, phase="opening"), OpenRun()


def _end(state: ScanState, event: Ended | Finished | Stopped) -> tuple[ScanState, Command | None]:
    match event:
        case Finished():
            return replace(state, phase="ended"), None
        case Stopped():
            return replace(state, phase="ended", message=event.message), StopScan(event.fate, event.message)
        case Ended(code=""):
            return replace(state, phase="finishing"), FinishRun()
        case Ended(code) if code in HEALED_BY_TAKEOVER and event.retryable:
            return _again(state, code, event.message)
        case Ended():
            return _fail(state, event.code, event.message)


def _again(state: ScanState, code: str, message: str) -> tuple[ScanState, Command]:
    """Wait, then take the scan up again; for ever where the slide cannot be to blame."""
    told = replace(state, phase="waiting", reason=code, message=message)
    if code in NOT_NOW or (code in AWAY and state.phase in {"opening", "waiting"}):
        return replace(told, waits=state.waits + 1), Wait(_backoff(state.waits))
    of_the_house = _in_our_words(code) in HOUSE
    most = LAST_TAKEOVERS if of_the_house and not state.may_defer else MAX_TAKEOVERS
    if state.in_vain < most:
        tried = replace(told, takeovers=state.takeovers + 1, in_vain=state.in_vain + 1)
        return tried, Wait(_backoff(state.in_vain))
    words = f"{message} (gave up after {state.in_vain + 1} tries)".strip()
    if of_the_house and state.may_defer:
        return replace(told, phase="ended"), StopScan("last", words, _in_our_words(code))
    return _fail(state, code, words)


def _backoff(before: int) -> float:
    return min(FIRST_WAIT_S * 2.0 ** min(before, 16), LONGEST_WAIT_S)


def _in_our_words(code: str) -> str:
    known = code if code in FailureReason.values else FailureReason.OTHER
    return str(IN_OUR_WORDS.get(code, known))


def _fail(state: ScanState, code: str, message: str) -> tuple[ScanState, Command]:
    """The end, for a reason of the vocabulary."""
    reason = _in_our_words(code)
    return replace(state, phase="ended", reason=reason, message=message), Fail(reason, message)
