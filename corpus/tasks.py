"""A release is built by a worker."""

from core.jobs import durable
from corpus import services
from corpus.models import Release


@durable("corpus.build_release")
def build_release(release_id: int) -> None:
    services.build(release=Release.objects.get(pk=release_id))
