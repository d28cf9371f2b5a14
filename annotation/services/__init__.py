"""The verbs of reading: the only writers of readers, assignments and annotations."""

from annotation.services.drawing import delete_annotation, save_annotation
from annotation.services.reading import COMPLAINTS, complain, open_assignment, submit, take_back
from annotation.services.sharing import assign, assign_waiting, enrol_reader

__all__ = [
    "COMPLAINTS",
    "assign",
    "assign_waiting",
    "complain",
    "delete_annotation",
    "enrol_reader",
    "open_assignment",
    "save_annotation",
    "submit",
    "take_back",
]
