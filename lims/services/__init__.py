"""The verbs of the laboratory: the only writers of its record."""

from lims.services.accession import Accession, attach_report, register
from lims.services.batches import (
    Placement,
    build_rescan,
    create_batch,
    free_slots,
    load,
    move_phase,
    unload,
)
from lims.services.life import Actor, advance

__all__ = [
    "Accession",
    "Actor",
    "Placement",
    "advance",
    "attach_report",
    "build_rescan",
    "create_batch",
    "free_slots",
    "load",
    "move_phase",
    "register",
    "unload",
]
