"""The verbs of the laboratory: the only writers of its record."""

from lims.services.accession import Accession, attach_report, register, register_all
from lims.services.batches import (
    Placement,
    build_rescan,
    create_batch,
    free_slots,
    load,
    move_phase,
    unload,
)
from lims.services.life import Actor, advance, move_by_hand

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
    "move_by_hand",
    "move_phase",
    "register",
    "register_all",
    "unload",
]
