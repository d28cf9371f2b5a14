"""A study is set up: what it asks, of which slides, with which words, and how often two people read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from annotation.models import Study, Term
from core import audit
from core.errors import BadInput
from core.models import User

COLOUR = re.compile(r"#[0-9a-fA-F]{6}\Z")


@dataclass(frozen=True)
class Word:
    label: str
    colour: str = "#ffd21e"
    key: str = ""


def read_words(text: str) -> list[Word]:
    """One word a line: label, colour and key, parted by commas; colour and key may be left out."""
    words = []
    for number, line in enumerate(text.splitlines(), start=1):
        parts = [part.strip() for part in line.split(",")]
        if not any(parts):
            continue
        label, colour, key = [*parts, "", ""][:3]
        if not label or len(parts) > 3 or len(label) > 100:
            raise BadInput(f"Line {number}: a word is “label, #colour, key”.", field="words")
        if colour and not COLOUR.match(colour):
            raise BadInput(f"Line {number}: “{colour}” is no colour like #ffd21e.", field="words")
        if len(key) > 1:
            raise BadInput(f"Line {number}: a key is one character.", field="words")
        words.append(Word(label, colour or Word.colour, key))
    _no_twice("label", [word.label for word in words])
    _no_twice("key", [word.key for word in words if word.key])
    return words


def _no_twice(what: str, given: list[str]) -> None:
    twice = sorted({one for one in given if given.count(one) > 1})
    if twice:
        raise BadInput(f"The {what} {', '.join(twice)} stands twice.", field="words")


@transaction.atomic
def save_study(*, study: Study | None, words: Sequence[Word], actor: User, **facts: Any) -> Study:
    """Create or change a study with its words. What was labelled before keeps its label."""
    for name in ("second_reads", "agreement"):
        if not 0 <= facts[name] <= 1:
            raise BadInput("A share is between 0 and 1.", field=name)
    namesake = Study.objects.filter(name=facts["name"]).first()
    if namesake is not None and namesake != study:
        raise BadInput("Another study has this name.", field="name")
    made = study or Study()
    for name, value in facts.items():
        setattr(made, name, value)
    made.save()
    made.terms.all().delete()
    Term.objects.bulk_create(
        Term(study=made, label=word.label, colour=word.colour, key=word.key, order=order)
        for order, word in enumerate(words)
    )
    audit.record(
        actor=actor,
        action="study.save",
        target=f"study:{made.name}",
        second_reads=made.second_reads,
        words=[word.label for word in words],
    )
    return made
