"""A release is built, what was withdrawn is buried, and what may be found is indexed, by a worker."""

from core.jobs import durable
from corpus import search, services
from corpus.models import Release
from lims.models import Slide


@durable("corpus.build_release")
def build_release(release_id: int) -> None:
    services.build(release=Release.objects.get(pk=release_id))


@durable("corpus.bury")
def bury(slide_id: int) -> None:
    services.bury(slides=Slide.objects.filter(pk=slide_id))


@durable("corpus.refresh_sites")
def refresh_sites(release_id: int) -> None:
    services.refresh_sites(release=Release.objects.get(pk=release_id))


@durable("corpus.index_slide")
def index_slide(slide_id: int) -> None:
    search.index(slide=Slide.objects.get(pk=slide_id))
