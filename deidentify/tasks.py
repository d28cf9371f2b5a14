"""Thin edges: an id in, one service call."""

from core.jobs import durable
from deidentify import reviewing, services


@durable("deidentify.deidentify_slide", attempts=5)
def deidentify_slide(slide_id: int) -> None:
    services.deidentify_slide(slide_id=slide_id)


@durable(services.REMAKE, attempts=5)
def remake_slide(item_id: int) -> None:
    services.remake_slide(item_id=item_id)


@durable("deidentify.deidentify_report", attempts=5)
def deidentify_report(case_id: int) -> None:
    services.deidentify_report(case_id=case_id)


@durable(reviewing.MAKE, attempts=5)
def remake_report(review_id: int) -> None:
    reviewing.remake(review_id=review_id)
