"""The verbs of the scanner room."""

from scanning.services.collecting import collect, register_file
from scanning.services.driving import drive, fail_attempt
from scanning.services.importing import Imported, import_file, import_folder, match_by_hand
from scanning.services.nights import end_night_if_done, lock, set_paused, start_night, unlock
from scanning.services.reconciling import reconcile
from scanning.services.review import Review, accept, accept_safe, doubtful, save_review
from scanning.services.snapshots import end_snapshots_if_done, snap, start_snapshots

__all__ = [
    "Imported",
    "Review",
    "accept",
    "accept_safe",
    "collect",
    "doubtful",
    "drive",
    "end_night_if_done",
    "end_snapshots_if_done",
    "fail_attempt",
    "import_file",
    "import_folder",
    "lock",
    "match_by_hand",
    "reconcile",
    "register_file",
    "save_review",
    "set_paused",
    "snap",
    "start_night",
    "start_snapshots",
    "unlock",
]
