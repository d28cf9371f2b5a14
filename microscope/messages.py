"""The scanner protocol, version 1: commands, replies and events (docs/protocol.md describes each).

Headers travel as msgpack, pictures as raw frames behind them. A job is named by its client: asking twice for
the same job starts it once.
"""

from dataclasses import dataclass
from typing import Literal

from microscope.plan import FocusPoint, ScanPlan
from vslide.model import Channel
from wire import Message

PROTOCOL = 1

CAPABILITIES = (
    "snapshot",
    "autofocus",
    "brightfield",
    "fluorescence",
    "z-layers",
    "time",
    "exposure",
    "hands",
)
JobState = Literal["unknown", "running", "done", "failed", "aborted"]
ScannerState = Literal["idle", "snapping", "scanning", "paused", "stopping"]


@dataclass(frozen=True, slots=True)
class Glass:
    """A glass slide as hands place it: what the simulated scanner will see.

    ``stain`` is "H&E", "IHC" or "IF1" to "IF4"; ``seed`` fixes the specimen; ``specimen`` is the path of a
    picture or whole-slide file to use instead; ``flaw`` a code of the failure vocabulary that strikes this
    glass.
    """

    barcode: str
    stain: str = "H&E"
    seed: int = 0
    specimen: str | None = None
    flaw: str | None = None
    label: str = ""


class Describe(Message, frozen=True, kw_only=True):
    """Ask what the scanner is and can."""


class ScannerInfo(Message, frozen=True, kw_only=True):
    """What the scanner is and can: ``field_*`` in px, ``glass_*`` in µm, ``channels`` those of
    fluorescence.
    """

    protocol: int
    name: str
    driver: str
    software: str
    capabilities: tuple[str, ...]
    carousels: int
    slots: int
    field_width: int
    field_height: int
    pixel_size_um: float
    magnification: float
    objective: str
    modalities: tuple[str, ...]
    channels: tuple[Channel, ...]
    max_layers: int
    glass_width_um: float
    glass_height_um: float


class AskStatus(Message, frozen=True, kw_only=True):
    """Ask what the scanner is doing."""


class ScannerStatus(Message, frozen=True, kw_only=True):
    """What it is doing: ``done`` of ``planned`` planes of ``job_id``; ``garbage`` counts foreign frames."""

    state: ScannerState
    job_id: str = ""
    done: int = 0
    planned: int = 0
    carousel: int | None = None
    slot: int | None = None
    uptime_s: float = 0.0
    garbage: int = 0
    last_fault: str = ""


class Place(Message, frozen=True, kw_only=True):
    """Put a glass into a slot, or empty the slot with ``glass=None`` (capability "hands")."""

    carousel: int
    slot: int
    glass: Glass | None


class Placed(Message, frozen=True, kw_only=True):
    carousel: int
    slot: int


class Snap(Message, frozen=True, kw_only=True):
    """Photograph the glass and its label, and try to focus at up to ``tries`` places."""

    job_id: str
    carousel: int
    slot: int
    attempt: int = 1
    tries: int = 0


class Scan(Message, frozen=True, kw_only=True):
    """Scan a slide into the slide proxy. ``job_id`` is the run id; ``barcode``, when given, must be the
    label's.
    """

    job_id: str
    fence: int
    carousel: int
    slot: int
    slide_id: str
    plan: ScanPlan
    proxy: str
    attempt: int = 1
    barcode: str = ""


class Accepted(Message, frozen=True, kw_only=True):
    """The job was taken (or is already known): its end comes as an event and is kept for ``AskJob``."""

    job_id: str


class CollectSnapshot(Message, frozen=True, kw_only=True):
    """Fetch the pictures of a finished Snap."""

    job_id: str


class SnapshotResult(Message, frozen=True, kw_only=True):
    """Two frames follow: the macro photograph as JPEG, the label photograph as PNG.

    Pixel (column, row) of the macro lies at stage µm (origin_x_um + column * um_per_px, origin_y_um + row *
    um_per_px). ``tried`` are the places where it tried to focus; ``z_um`` is null where it found nothing.
    """

    job_id: str
    barcode: str | None
    um_per_px: float
    origin_x_um: float
    origin_y_um: float
    tried: tuple[FocusPoint, ...] = ()


class AskJob(Message, frozen=True, kw_only=True):
    job_id: str


class JobStatus(Message, frozen=True, kw_only=True):
    """How a job stands, in planes, or how it ended: ``code`` is of the failure vocabulary."""

    job_id: str
    state: JobState
    done: int = 0
    planned: int = 0
    code: str = ""
    message: str = ""
    retryable: bool = False


class Abort(Message, frozen=True, kw_only=True):
    """End a running job; the glass goes back to its slot."""

    job_id: str
    reason: str = ""


class Pause(Message, frozen=True, kw_only=True):
    job_id: str


class Resume(Message, frozen=True, kw_only=True):
    job_id: str


class Beat(Message, frozen=True, kw_only=True):
    """Nothing but a sign of life: keeps the scanner from parking itself."""

    client: str = ""


class Alive(Message, frozen=True, kw_only=True):
    state: ScannerState


class JobProgress(Message, frozen=True, kw_only=True):
    """``done`` and ``planned`` count colour fields of view (planes)."""

    job_id: str
    done: int
    planned: int


class JobDone(Message, frozen=True, kw_only=True):
    job_id: str
    done: int
    planned: int
    elapsed_s: float


class JobFailed(Message, frozen=True, kw_only=True):
    """``code`` is of the failure vocabulary, or "aborted", "client_lost", "stale_fence"."""

    job_id: str
    code: str
    message: str
    retryable: bool
    done: int = 0
    planned: int = 0


class StateChanged(Message, frozen=True, kw_only=True):
    state: ScannerState
    job_id: str = ""


REQUESTS: tuple[type[Message], ...] = (
    Describe,
    AskStatus,
    Place,
    Snap,
    CollectSnapshot,
    Scan,
    AskJob,
    Abort,
    Pause,
    Resume,
    Beat,
)
REPLIES: tuple[type[Message], ...] = (
    ScannerInfo,
    ScannerStatus,
    Placed,
    Accepted,
    SnapshotResult,
    JobStatus,
    Alive,
)
EVENTS: tuple[type[Message], ...] = (JobProgress, JobDone, JobFailed, StateChanged)
