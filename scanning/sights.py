"""The night's page in parts, as everybody sees them: what a stream of events sends is how these changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.template.loader import render_to_string

from core.roles import Role
from lims.models import Batch
from scanning import boards, queries
from scanning.guards import HANDS
from scanning.models import Night
from scanning.templatetags.glass import glass_slot

SHARED: Final = ("night-bar", "night-tiles", "night-now")
BUTTONS: Final = "night-hands"  # not for everybody
EVERYTHING: Final = "data: look\n\n"
TOKEN: Final = "of-this-page"  # noqa: S105  a place for it: live.js puts the page's own there


def about(batch: Batch) -> dict[str, Any]:
    """What the parts of the page are made from."""
    found = queries.progress(batch)
    return {
        "batch": batch,
        "night": Night.objects.select_related("scanner").filter(batch=batch).first(),
        "progress": found,
        "expected_end": queries.expected_end(found),
    }


@dataclass(frozen=True)
class Sight:
    """One look at a night: {id of an element: its HTML}; the buttons for those who may press them, and for
    those who may only look.
    """

    phase: str
    parts: Mapping[str, str]
    buttons: Mapping[bool, str]


def look(batch_id: int) -> Sight:
    batch = Batch.objects.get(pk=batch_id)
    context = about(batch) | {"csrf_token": TOKEN}
    parts = {name: _html(name, context) for name in SHARED}
    cells = {place.key: str(glass_slot(place)) for place in boards.places(batch)}
    roles = {True: {HANDS[0]}, False: set[Role]()}
    buttons = {may: _html(BUTTONS, context | {"my_roles": mine}) for may, mine in roles.items()}
    return Sight(batch.phase, parts | cells, buttons)


def _html(name: str, context: Mapping[str, Any]) -> str:
    return render_to_string(f"scanning/{name.replace('-', '_')}.html", dict(context)).strip()


def changes(before: Sight | None, now: Sight, *, may: bool) -> str:
    """The event that makes of one page the other; nothing where they are alike. A page that was not seen
    before, or whose shape has changed, is to be looked at as a whole.
    """
    if before is None or before.phase != now.phase or before.parts.keys() != now.parts.keys():
        return EVERYTHING
    changed = {name: html for name, html in now.parts.items() if html != before.parts[name]}
    if now.buttons[may] != before.buttons[may]:
        changed[BUTTONS] = now.buttons[may]
    return f"event: parts\ndata: {json.dumps(changed)}\n\n" if changed else ""
