"""Readers, slides to read, and strokes, for the tests of reading."""

import uuid
from typing import Any

from django.contrib.auth.models import Group

from annotation.models import Assignment, Reader
from annotation.services import assign, enrol_reader
from annotation.services.drawing import Stroke
from core.models import User
from lims.models import Slide
from lims.states import State
from tests.lims.making import slide

EVERY_DAY = [8.0] * 7  # tests run on Sundays too
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]}


def pathologist(name: str = "paul") -> User:
    user, _ = User.objects.get_or_create(username=name)
    user.groups.add(Group.objects.get_or_create(name="pathologist")[0])
    return user


def reader(name: str = "paul", **facts: Any) -> Reader:
    return enrol_reader(user=pathologist(name), actor="test", **{"hours": EVERY_DAY, **facts})


def clean(**facts: Any) -> Slide:
    """A slide that waits for a reader."""
    return slide(State.DEIDENTIFIED, **facts)


def assigned(name: str = "paul", **facts: Any) -> Assignment:
    """A slide on this reader's list."""
    reader(name)
    made = assign(slide=clean(**facts))
    assert made is not None
    return made


def stroke(**given: Any) -> Stroke:
    facts: dict[str, Any] = {"client_id": uuid.uuid4(), "kind": "freehand", "geometry": SQUARE}
    return Stroke(**{**facts, **given})
