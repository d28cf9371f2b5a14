"""The life of a slide: one table. Buttons, the API's choices, the diagram in the docs and an exhaustive
test come from it.
"""

from dataclasses import dataclass

from django.db import models

from core.roles import Role


class State(models.TextChoices):
    REGISTERED = "registered", "Registered"
    LOADED = "loaded", "Loaded"
    SNAPPED = "snapped", "Snapped"
    REVIEW = "review", "Focus review"
    READY = "ready", "Ready to scan"
    SCANNING = "scanning", "Scanning"
    QUALITY = "quality", "Quality review"
    SCANNED = "scanned", "Scanned"
    DEIDENTIFIED = "deidentified", "De-identified"
    ASSIGNED = "assigned", "Assigned"
    READ = "read", "Read"
    RELEASED = "released", "Released"
    FAILED = "failed", "Failed"
    HELD = "held", "Held"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"


class FailureReason(models.TextChoices):
    """Why a slide failed. Fixed, so that a Pareto chart means something."""

    NO_FOCUS_POINTS = "no_focus_points", "Too few focus points"
    BARCODE_UNREADABLE = "barcode_unreadable", "Barcode unreadable"
    BARCODE_MISMATCH = "barcode_mismatch", "Another slide's barcode"
    EMPTY_SLOT = "empty_slot", "Slot is empty"
    JAM = "jam", "Slide jammed"
    LAMP = "lamp", "Lamp failure"
    STAGE_FAULT = "stage_fault", "Stage fault"
    LOST_MESSAGES = "lost_messages", "Messages lost"
    STALL = "stall", "Scanner stalled"
    POWER_CUT = "power_cut", "Power cut"
    SCANNER_LOST = "scanner_lost", "Scanner lost"
    SLIDE_SERVICE = "slide_service", "Slide service fault"
    DISK_FULL = "disk_full", "Disk full"
    VERIFY_FAILED = "verify_failed", "Verification failed"
    BLURRED = "blurred", "Out of focus"
    MISSING_FIELDS = "missing_fields", "Fields missing"
    SATURATED = "saturated", "Overexposed"
    TISSUE_OUTSIDE = "tissue_outside", "Tissue outside the scan area"
    TEARS = "tears", "Chatter or tears"
    FOLDED = "folded", "Folded tissue"
    OVERSTAINED = "overstained", "Overstained"
    COVER_SLIP = "cover_slip", "Cover slip"
    DEBRIS = "debris", "Debris"
    AIR_BUBBLES = "air_bubbles", "Air bubbles"
    MARKINGS = "markings", "Pathologist's markings"
    LOW_RESOLUTION = "low_resolution", "Low resolution"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted", "Gave up after repeated tries"
    OTHER = "other", "Other"


# What a person who looks at a scan may say against it: the list of the Digital Slide Archive.
OF_THE_GLASS = (
    FailureReason.TEARS,
    FailureReason.FOLDED,
    FailureReason.OVERSTAINED,
    FailureReason.COVER_SLIP,
    FailureReason.DEBRIS,
    FailureReason.AIR_BUBBLES,
    FailureReason.MARKINGS,
    FailureReason.BLURRED,
    FailureReason.LOW_RESOLUTION,
    FailureReason.OTHER,
)

SYSTEM = "system"  # the laboratory's own processes


@dataclass(frozen=True)
class Transition:
    verb: str
    sources: tuple[State, ...]
    target: State
    who: tuple[str, ...]
    needs_reason: bool = False

    @property
    def label(self) -> str:
        return self.verb.capitalize()


S = State
BEFORE_SCAN = (S.REGISTERED, S.LOADED, S.SNAPPED, S.REVIEW, S.READY)
AFTER_SCAN = (S.SCANNED, S.DEIDENTIFIED, S.ASSIGNED, S.READ)
HOLDABLE = (*BEFORE_SCAN, S.QUALITY, *AFTER_SCAN, S.FAILED)
BENCH = (Role.TECHNICIAN, Role.ADMINISTRATOR)
STEWARDS = (Role.STEWARD, Role.ADMINISTRATOR)

TRANSITIONS: tuple[Transition, ...] = (
    Transition("load", (S.REGISTERED, S.FAILED), S.LOADED, BENCH),
    Transition("unload", (S.LOADED, S.SNAPPED, S.REVIEW, S.READY), S.REGISTERED, BENCH),
    Transition("snap", (S.LOADED,), S.SNAPPED, (SYSTEM,)),
    Transition("doubt", (S.SNAPPED,), S.REVIEW, (SYSTEM,)),
    Transition("accept", (S.SNAPPED, S.REVIEW), S.READY, (SYSTEM, *BENCH)),
    Transition("reopen", (S.READY,), S.REVIEW, BENCH),
    Transition("scan", (S.READY,), S.SCANNING, (SYSTEM,)),
    Transition("retry", (S.SCANNING,), S.READY, (SYSTEM,)),
    Transition("question", (S.SCANNING,), S.QUALITY, (SYSTEM,)),
    Transition("publish", (S.SCANNING, S.QUALITY), S.SCANNED, (SYSTEM, *BENCH)),
    Transition("import", (S.REGISTERED, S.FAILED), S.SCANNED, (SYSTEM, *BENCH)),
    Transition(
        "fail",
        (S.LOADED, S.SNAPPED, S.REVIEW, S.READY, S.SCANNING, S.QUALITY),
        S.FAILED,
        (SYSTEM, *BENCH),
        True,
    ),
    Transition("complain", (S.ASSIGNED, S.READ), S.FAILED, (Role.PATHOLOGIST, Role.ADMINISTRATOR), True),
    Transition("deidentify", (S.SCANNED,), S.DEIDENTIFIED, (SYSTEM, *STEWARDS)),
    Transition(
        "assign", (S.DEIDENTIFIED,), S.ASSIGNED, (SYSTEM, Role.PATHOLOGIST, Role.MANAGER, Role.ADMINISTRATOR)
    ),
    Transition(
        "return", (S.ASSIGNED,), S.DEIDENTIFIED, (SYSTEM, Role.PATHOLOGIST, Role.MANAGER, Role.ADMINISTRATOR)
    ),
    Transition("submit", (S.ASSIGNED,), S.READ, (SYSTEM, Role.PATHOLOGIST, Role.ADMINISTRATOR)),
    Transition("release", (S.READ,), S.RELEASED, (SYSTEM, *STEWARDS)),
    Transition("hold", HOLDABLE, S.HELD, (*BENCH, Role.MANAGER, Role.STEWARD), True),
    *(Transition("resume", (S.HELD,), state, (*BENCH, Role.MANAGER, Role.STEWARD)) for state in HOLDABLE),
    Transition(
        "reject",
        (S.REGISTERED, S.REVIEW, S.QUALITY, S.FAILED, S.HELD),
        S.REJECTED,
        (*BENCH, Role.MANAGER),
        True,
    ),
    Transition("withdraw", (*AFTER_SCAN, S.RELEASED, S.HELD), S.WITHDRAWN, STEWARDS, True),
)


# The bare buttons: every other step belongs to a room that does more than move the slide (slots, readings).
BY_HAND = frozenset({"hold", "resume", "reject", "withdraw", "fail"})


def find(source: str, target: str) -> Transition | None:
    """The transition from one state to another, if there is one."""
    return next((t for t in TRANSITIONS if source in t.sources and t.target == target), None)


def choices(source: str, roles: frozenset[str]) -> list[Transition]:
    """What these roles may do to a slide in this state: the buttons of its page."""
    return [t for t in TRANSITIONS if source in t.sources and roles & set(t.who)]


def buttons(source: str, roles: frozenset[str], held_from: str = "") -> list[Transition]:
    """Those that a person may press on the slide itself; a held slide goes back to where it was."""
    return [
        t
        for t in choices(source, roles)
        if t.verb in BY_HAND and (t.verb != "resume" or t.target == held_from)
    ]


def diagram(*, without: frozenset[str] = frozenset()) -> str:
    """The table as a mermaid state diagram, leaving out the steps named (docs/life-of-a-slide.md)."""
    lines = ["stateDiagram-v2", f"    [*] --> {S.REGISTERED}"]
    for transition in TRANSITIONS:
        for source in transition.sources if transition.verb not in without else ():
            lines.append(f"    {source} --> {transition.target}: {transition.verb}")
    return "\n".join(lines)
