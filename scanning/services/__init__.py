"""The verbs of the scanner room."""

from scanning.services.alerts import see, tell
from scanning.services.attempts import end_run, fail_attempt
from scanning.services.collecting import collect, register_file
from scanning.services.controls import abort, move, pause, resume
from scanning.services.driving import drive
from scanning.services.importing import Imported, import_file, import_folder, match_by_hand
from scanning.services.nights import end_night_if_done, lock, start_night, unlock
from scanning.services.profiles import choose_profile, save_profile
from scanning.services.quality import accept_scan, refuse_scan
from scanning.services.reconciling import reconcile
from scanning.services.review import Review, accept, accept_safe, doubtful, refuse, reopen, save_review
from scanning.services.snapshots import end_snapshots_if_done, snap, start_snapshots

__all__ = [
    "Imported",
    "Review",
    "abort",
    "accept",
    "accept_safe",
    "accept_scan",
    "choose_profile",
    "collect",
    "doubtful",
    "drive",
    "end_night_if_done",
    "end_run",
    "end_snapshots_if_done",
    "fail_attempt",
    "import_file",
    "import_folder",
    "lock",
    "match_by_hand",
    "move",
    "pause",
    "reconcile",
    "refuse",
    "refuse_scan",
    "register_file",
    "reopen",
    "resume",
    "save_profile",
    "save_review",
    "see",
    "snap",
    "start_night",
    "start_snapshots",
    "tell",
    "unlock",
]
