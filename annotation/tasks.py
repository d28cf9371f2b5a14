"""The laboratory's own hand in sharing slides out."""

from annotation import policy
from annotation.services import assign
from core.jobs import durable, enqueue
from lims.models import Slide
from lims.states import State


@durable("annotation.assign_slide")
def assign_slide(slide_id: int) -> None:
    """Put a slide on a list; where nobody has room it stays de-identified and is tried again later."""
    slide = Slide.objects.select_related("block__specimen__case").get(pk=slide_id)
    if slide.state == State.DEIDENTIFIED and assign(slide=slide) is None:
        enqueue("annotation.assign_slide", delay_s=policy.ASSIGN_AGAIN_S, slide_id=slide_id)
