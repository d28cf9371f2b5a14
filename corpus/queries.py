"""What could leave, what is in a release, and under which names."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum

from core.errors import Conflict
from corpus import bag, differences, smallcells
from corpus.errors import BadName, NoKeys
from corpus.models import NamingTemplate, Release, ReleaseItem
from corpus.naming import TEMPLATES, Parts, Template, name_all
from corpus.patterns import own_template
from deidentify.models import DeidentifiedReport, DeidentifiedSlide
from deidentify.queries import passed_report, passed_slide, releasable_report
from deidentify.vault.errors import VaultError
from deidentify.vault.services import key_for, sample_number_for
from lims.models import Case, Report, Slide
from lims.services import Actor
from lims.states import State

REASON = "naming a release"


@dataclass(frozen=True)
class Candidate:
    """A slide that waits to be released, and why it cannot be, if it cannot."""

    slide: Slide
    clean: DeidentifiedSlide | None
    report: DeidentifiedReport | None
    problem: str


@dataclass(frozen=True)
class Proposed:
    """One image file of a release: the slide, its parts and its path under data/."""

    slide: Slide
    parts: Parts
    path: PurePosixPath
    moved: bool


def template(name: str) -> Template:
    """A built-in naming template, or NAME:VERSION of the laboratory's own. Raises BadName, which lists what
    there is.
    """
    if name in TEMPLATES:
        return TEMPLATES[name]
    of, _, version = name.partition(":")
    own = NamingTemplate.objects.filter(name=of, version=int(version) if version.isdecimal() else 0).first()
    if own is None:
        raise BadName(f"There is no naming template “{name}”.", field="template", choices=template_names())
    return own_template(str(own), own.line)


def template_names() -> list[str]:
    """Those that a release may be named by: the built-in ones, and the last version of each other."""
    last: dict[str, str] = {}
    for own in NamingTemplate.objects.order_by("name", "version"):
        last[own.name] = str(own)
    return [*sorted(TEMPLATES), *last.values()]


def unreleased() -> QuerySet[Slide]:
    """Read slides that no draft names already."""
    proposed = ReleaseItem.objects.filter(
        release__state__in=[Release.State.DRAFT, Release.State.APPROVED], slide__isnull=False
    )
    return (
        Slide.objects.filter(state=State.READ)
        .exclude(pk__in=proposed.values("slide"))
        .select_related("block__specimen__case__patient")
        .order_by(
            "block__specimen__case__accession",
            "block__specimen__site_code",
            "block__label",
            "duplicate",
            "barcode",
        )
    )


def candidates(slides: Iterable[Slide] | None = None) -> list[Candidate]:
    return [_candidate(slide) for slide in (unreleased() if slides is None else slides)]


def _candidate(slide: Slide) -> Candidate:
    clean, report = passed_slide(slide.pk), releasable_report(slide.case.pk)
    problem = ""
    if slide.state != State.READ:
        problem = f"It is {State(slide.state).label.lower()}, not read."
    elif clean is None or not clean.file.is_file():
        problem = "Its image has not passed the gate."
    elif report is None and Report.objects.filter(case=slide.case).exists():
        problem = report_problem(slide.case)
    return Candidate(slide, clean, report, problem)


def report_problem(case: Case) -> str:
    """Why the report of a case cannot leave, where it cannot."""
    if passed_report(case.pk) is None:
        return "The report of its case has not passed the gate."
    return "The report of its case waits for two people to look at it."


def propose(template: Template, chosen: Iterable[Candidate], *, number: int, actor: Actor) -> list[Proposed]:
    """The names these slides would have: a dry run. Keys are drawn in the vault at the first look, and
    stay.
    """
    slides = [candidate.slide for candidate in chosen]
    clean = {candidate.slide.pk: candidate.clean for candidate in chosen}
    wanted = [_parts(slide, clean[slide.pk], number, actor) for slide in slides]
    taken = ReleaseItem.objects.filter(
        kind=ReleaseItem.Kind.IMAGE, release__state=Release.State.PUBLISHED
    ).values_list("path", flat=True)
    named = name_all(template, wanted, (path.removeprefix("data/") for path in taken))
    return [
        Proposed(slide, name.parts, name.path, name.moved) for slide, name in zip(slides, named, strict=True)
    ]


def _parts(slide: Slide, clean: DeidentifiedSlide | None, number: int, actor: Actor) -> Parts:
    case = slide.case
    try:
        key = key_for(patient_ref=f"patient:{case.patient_id}", reason=REASON, actor=actor)
        sample = sample_number_for(
            case_ref=f"case:{case.pk}", year=case.received.year, reason=REASON, actor=actor
        )
    except VaultError as error:
        raise NoKeys(error) from error
    suffix = PurePosixPath(clean.path).suffix if clean else ".h5"
    return Parts(
        tissue=case.tissue,
        key=key.key,
        year=sample.year,
        sample=sample.number,
        site=slide.block.specimen.site_code,
        cut=slide.cut,
        cut_number=slide.cut_number,
        duplicate=slide.duplicate,
        extension=suffix.removeprefix(".").lower(),
        day=case.received + timedelta(days=key.date_shift_days),
        group=number,
    )


def small_cells(slides: Iterable[Slide]) -> dict[str, Any]:
    """How alone the patients of these slides would stand in the corpus, and beside former releases."""
    former = ReleaseItem.objects.filter(
        kind=ReleaseItem.Kind.IMAGE, release__state=Release.State.PUBLISHED, withdrawn_at=None
    ).select_related("slide__block__specimen__case__patient")
    left = [item.slide for item in former if item.slide is not None]
    return smallcells.judge(map(_person, slides), map(_person, left), settings.CORPUS_LEAST_PATIENTS)


def _person(slide: Slide) -> smallcells.Person:
    case = slide.case
    patient, day = case.patient, case.received
    age = None
    if patient.birth_date:
        birthday = (patient.birth_date.month, patient.birth_date.day)
        age = day.year - patient.birth_date.year - ((day.month, day.day) < birthday)
    return smallcells.Person(
        patient.pk, case.tissue, patient.sex or "?", smallcells.age_band(age), str(day.year)
    )


def difference(one: Release, other: Release) -> differences.Difference:
    """From one published release to another. Raises Conflict when one is not published."""
    for release in (one, other):
        if release.state != Release.State.PUBLISHED:
            raise Conflict(f"{release} is not published.")
    return differences.difference(bag.rows_of(one.folder), bag.rows_of(other.folder))


def image_items(release: Release) -> QuerySet[ReleaseItem]:
    return (
        release.items.filter(kind=ReleaseItem.Kind.IMAGE)
        .select_related("slide__block__specimen__case__patient")
        .order_by("path")
    )


def releases() -> QuerySet[Release]:
    images = Count("items", filter=Q(items__kind=ReleaseItem.Kind.IMAGE))
    return Release.objects.select_related("created_by", "approved_by").annotate(
        images=images, size=Sum("items__bytes")
    )


def releases_of(slide: Slide) -> QuerySet[ReleaseItem]:
    """Where a slide went: one row per file of it in a release."""
    return (
        ReleaseItem.objects.filter(slide=slide).select_related("release").order_by("release__number", "path")
    )


def withdrawn() -> QuerySet[ReleaseItem]:
    """Tombstones, the newest first."""
    return (
        ReleaseItem.objects.filter(withdrawn_at__isnull=False)
        .select_related("release", "slide")
        .order_by("-withdrawn_at", "path")
    )
