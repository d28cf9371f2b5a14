"""A release is built by a worker."""

from core.jobs import durable
from corpus import services
from corpus.models import Release


@durable("corpus.build_release", lease_s=300.0)
def build_release(release_id: int) -> None:
    services.build(release=Release.objects.get(pk=release_id))
