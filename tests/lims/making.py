"""Short ways to a record that a test needs."""

from itertools import count
from typing import Any

from core.models import User
from lims import services
from lims.models import Batch, Slide
from lims.services import Accession, Placement
from lims.states import State
from tests.conftest import person

_numbers = count(1)


def hands() -> User:
    """The technician: only people load glass."""
    return person("technician")


def entry(barcode: str = "", **given: Any) -> Accession:
    number = next(_numbers)
    facts = {"accession": f"S26-{number:05d}", "mrn": f"{10_000_000 + number}", "family_name": "Nakamura"}
    return Accession(barcode=barcode or f"B-{number}", **{**facts, **given})


def slide(state: str = State.REGISTERED, **given: Any) -> Slide:
    made = services.register(entry=entry(**given), actor="test")
    if state != State.REGISTERED:
        Slide.objects.filter(pk=made.pk).update(state=state)
        made.refresh_from_db()
    return made


def batch(name: str = "Night") -> Batch:
    return services.create_batch(name=name, actor="test")


def loaded(*slides: Slide, name: str = "Night") -> Batch:
    made = batch(name)
    places = [Placement(1 + i // 10, 1 + i % 10, one.barcode) for i, one in enumerate(slides)]
    services.load(batch=made, placements=places, actor=hands())
    return made
