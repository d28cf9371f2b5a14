"""Questions about reading: who has room, what is on whose list, what was drawn."""

from annotation.queries.days import days_of, learned, plan_of, waiting_slides
from annotation.queries.drawn import as_dict, drawn_on, open_assignment_of, signed_off, vocabulary
from annotation.queries.lists import (
    answers_for,
    askable,
    colleagues_for,
    ended_today,
    next_for,
    open_assignments,
    opinions_on,
    takeable,
    waiting,
    worklist,
)
from annotation.queries.loads import Load, load_of, loads, start_of_today
from annotation.queries.pairs import Pair, pairs

__all__ = [
    "Load",
    "Pair",
    "answers_for",
    "as_dict",
    "askable",
    "colleagues_for",
    "days_of",
    "drawn_on",
    "ended_today",
    "learned",
    "load_of",
    "loads",
    "next_for",
    "open_assignment_of",
    "open_assignments",
    "opinions_on",
    "pairs",
    "plan_of",
    "signed_off",
    "start_of_today",
    "takeable",
    "vocabulary",
    "waiting",
    "waiting_slides",
    "worklist",
]
