"""What follows a published slide in this world: one step, so that a second one would be seen."""

from core.jobs import durable
from lims.models import Slide
from lims.services import advance
from lims.states import State

FOLLOWS = {State.SCANNED: "world.clean"}
BESIDE: dict[str, str] = {}


@durable("world.clean", attempts=20)
def clean(slide_id: int) -> None:
    slide = Slide.objects.get(pk=slide_id)
    if slide.state == State.SCANNED:
        advance(slide=slide, to=State.DEIDENTIFIED)
