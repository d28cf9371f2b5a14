"""What is said to the slide service, and on the pixel stream to a slide's proxy.

A run is one attempt to scan one slide. Whoever drives it holds a fence; a higher fence takes the run over,
a lower one is refused with the code ``stale_fence``.
"""

from typing import Literal

from vslide.model import PlaneId, SlideHeader
from wire import Message

RunState = Literal["receiving", "finalising", "verified", "failed", "unknown"]


# --- to the manager
class OpenRun(Message, frozen=True):
    """Begin a run, or take it over with a higher fence. ``planned`` counts colour fields of view (planes)."""

    run_id: str
    slide_id: str
    fence: int
    header: SlideHeader
    planned: int


class RunOpened(Message, frozen=True):
    """Where the pixels go, and which planes are safe already."""

    run_id: str
    fence: int
    proxy: str
    durable: list[PlaneId]


class FinishRun(Message, frozen=True):
    """Every plane has been acknowledged: build and verify the virtual slide."""

    run_id: str
    fence: int


class AskRun(Message, frozen=True):
    run_id: str


class AbortRun(Message, frozen=True):
    """Stop receiving. The journal is kept for `python -m vslide salvage`."""

    run_id: str
    fence: int
    reason: str = ""


class ForgetRun(Message, frozen=True):
    """The slide is in the record: its journal may go. Refused unless the run is verified."""

    run_id: str


class RunStatus(Message, frozen=True):
    """How far a run is, or how it ended. ``missing`` names the planes (the first thousand) that a failed
    run lacks.
    """

    run_id: str
    state: RunState
    received: int = 0
    planned: int = 0
    path: str = ""
    sha256: str = ""
    bytes: int = 0
    error: str = ""
    code: str = ""
    missing: list[PlaneId] = []


class AskHealth(Message, frozen=True):
    pass


class Health(Message, frozen=True):
    runs: int
    writers: int
    free_bytes: int
    respawned: int
    garbage: int


REQUESTS: tuple[type[Message], ...] = (OpenRun, FinishRun, AskRun, AbortRun, ForgetRun, AskHealth)
REPLIES: tuple[type[Message], ...] = (RunOpened, RunStatus, Health)


# --- to the proxy
class StreamRun(Message, frozen=True):
    """Who is about to send."""

    run_id: str
    fence: int


class RunWelcome(Message, frozen=True):
    run_id: str
    durable: list[PlaneId]


class PlaneHeader(Message, frozen=True):
    """One colour field of view; its chunks follow as raw frames, row by row."""

    r: int
    c: int
    z: int
    t: int
    channel: int
    x_um: float
    y_um: float
    z_um: float


STREAM: tuple[type[Message], ...] = (StreamRun, PlaneHeader)
WELCOMES: tuple[type[Message], ...] = (RunWelcome,)
