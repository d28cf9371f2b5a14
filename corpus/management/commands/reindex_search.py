"""./nocturne manage reindex_search: everything that may be found is written into the search's index anew."""

from typing import Any

from django.core.management.base import BaseCommand

from corpus import search
from corpus.search.indexing import FINDABLE
from deidentify.errors import DeidentifyError
from lims.models import Slide


class Command(BaseCommand):
    help = "Index the words of every slide that may be found. Safe to repeat; new slides need no such thing."

    def handle(self, *_: Any, **__: Any) -> None:
        done = 0
        for slide in Slide.objects.filter(state__in=FINDABLE).order_by("pk").iterator(chunk_size=500):
            try:
                search.index(slide=slide)
            except DeidentifyError as error:
                self.stderr.write(f"{slide.barcode}: {error}")
            else:
                done += 1
        self.stdout.write(f"{done} slides can be found by their words.")
