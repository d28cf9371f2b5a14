"""Thin edges: ids in, one service call."""

from core.jobs import durable
from lims.models import Slot
from scanning import services
from scanning.models import Alert, Attempt, Night


@durable("scanning.snap")
def snap(slot_id: int) -> None:
    slot = Slot.objects.select_related("slide", "carousel__batch").get(pk=slot_id)
    batch = slot.carousel.batch
    services.snap(slot=slot, night=Night.objects.select_related("scanner").get(batch=batch))
    services.end_snapshots_if_done(batch=batch)


@durable("scanning.drive", attempts=20, beats=True)
def drive(night_id: int) -> None:
    services.drive(night=Night.objects.get(pk=night_id))


@durable("scanning.collect", attempts=20)
def collect(attempt_id: int) -> None:
    services.collect(attempt=Attempt.objects.select_related("slide", "night__batch").get(pk=attempt_id))


@durable("scanning.end_run", attempts=100)
def end_run(attempt_id: int) -> None:
    services.end_run(attempt=Attempt.objects.get(pk=attempt_id))


@durable("scanning.tell", attempts=100)
def tell(alert_id: int) -> None:
    services.tell(alert=Alert.objects.get(pk=alert_id))
