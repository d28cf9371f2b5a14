"""Thin edges: ids in, one service call."""

from core.jobs import durable
from overview import services
from scanning.models import Night


@durable("overview.report", attempts=100)
def report(night_id: int) -> None:
    services.mail_report(night=Night.objects.select_related("batch").get(pk=night_id))
