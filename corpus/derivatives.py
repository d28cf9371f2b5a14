"""Everything that was made of a slide, down to the last release: what a withdrawal must reach."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.db.models import Q, QuerySet

from annotation.models import Annotation
from corpus.models import ReleaseItem
from corpus.queries import releases_of
from corpus.site.facts import page_of
from deidentify.models import DeidentifiedReport, DeidentifiedSlide
from lims.models import Slide
from viewer.models import VirtualSlide


@dataclass(frozen=True)
class Derivative:
    """Something that was made of a slide: what kind, where, and whether its bytes are there now."""

    slide: str
    kind: str
    place: str
    there: bool


def named(name: str) -> QuerySet[Slide]:
    """The slides of a patient (MRN), of a case (accession), or the one with this barcode."""
    case = Q(block__specimen__case__accession=name) | Q(block__specimen__case__patient__mrn=name)
    found = Slide.objects.filter(Q(barcode=name) | case)
    return found.select_related("block__specimen__case__patient").order_by("barcode")


def derivatives(slides: Iterable[Slide]) -> list[Derivative]:
    return [found for slide in slides for found in _of(slide)]


def stem_of(report: str) -> str:
    """A report is named for its case; the images of the case begin with that name."""
    return f"{PurePosixPath(report).with_suffix('')}_"


def _of(slide: Slide) -> Iterator[Derivative]:
    name = slide.barcode
    for virtual in VirtualSlide.objects.filter(slide=slide):
        yield Derivative(name, "virtual slide", virtual.path, virtual.file.is_file())
    for clean in DeidentifiedSlide.objects.filter(slide=slide):
        yield Derivative(name, "clean image", clean.path, clean.file.is_file())
    for report in DeidentifiedReport.objects.filter(case=slide.case):
        yield Derivative(name, "clean report", report.path, report.file.is_file())
    drawn = Annotation.objects.filter(slide=slide, deleted=False).count()
    if drawn:
        yield Derivative(name, "annotations", f"{drawn} in the record", there=True)
    for item in (*releases_of(slide), *_reports_beside(slide)):
        place = f"{item.release}: {item.path}"
        there = (item.release.folder / item.path).is_file()
        yield Derivative(name, f"released {item.get_kind_display().lower()}", place, there)
        yield from _on_sites(name, item)


def _on_sites(name: str, item: ReleaseItem) -> Iterator[Derivative]:
    """A site shows a page of each image."""
    if item.kind == ReleaseItem.Kind.IMAGE:
        for site in item.release.sites.all():
            page = site.folder / page_of(item.path)
            yield Derivative(name, "page of a site", str(page), page.is_file())


def _reports_beside(slide: Slide) -> list[ReleaseItem]:
    images = ReleaseItem.objects.filter(slide=slide, kind=ReleaseItem.Kind.IMAGE).select_related("release")
    found = []
    for image in images:
        reports = image.release.items.filter(kind=ReleaseItem.Kind.REPORT).select_related("release")
        found += [one for one in reports if image.path.startswith(stem_of(one.path))]
    return found
