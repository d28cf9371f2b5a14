"""The verbs of reading: the only writers of readers, assignments, studies and annotations."""

from annotation.services.detecting import store_detected
from annotation.services.drawing import delete_annotation, save_annotation
from annotation.services.following import companions, show_view, view_of
from annotation.services.handing import ask_opinion, case_of, delegate, take_case
from annotation.services.reading import COMPLAINTS, complain, open_assignment, submit, take_back
from annotation.services.reconciling import reconcile
from annotation.services.rota import add_leave, cancel_leave, enrol_reader, hand_over_leave, recuse
from annotation.services.settling import compare_readings, settle
from annotation.services.sharing import assign, assign_waiting
from annotation.services.sittings import hear
from annotation.services.vocabulary import read_words, save_study

__all__ = [
    "COMPLAINTS",
    "add_leave",
    "ask_opinion",
    "assign",
    "assign_waiting",
    "cancel_leave",
    "case_of",
    "companions",
    "compare_readings",
    "complain",
    "delegate",
    "delete_annotation",
    "enrol_reader",
    "hand_over_leave",
    "hear",
    "open_assignment",
    "read_words",
    "reconcile",
    "recuse",
    "save_annotation",
    "save_study",
    "settle",
    "show_view",
    "store_detected",
    "submit",
    "take_back",
    "take_case",
    "view_of",
]
