"""A search: words, filters, and what is found a page at a time."""

from dataclasses import dataclass, field
from typing import Final

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from annotation.models import Annotation
from core.roles import Role
from corpus.models import SearchDocument
from corpus.search.engines import CLOSE, OPEN, Documents, engine
from corpus.search.indexing import FINDABLE, READ
from corpus.search.words import Query, read
from lims.models import Slide, Tissue
from lims.states import State

SEEKERS: Final = (Role.PATHOLOGIST, Role.STEWARD, Role.MANAGER, Role.ADMINISTRATOR)
PER_PAGE: Final = 25
MOST_NAMED: Final = 12  # of stains and labels beside the list
BEGINNING: Final = 180  # characters of a report where no word was asked for
CASE: Final = "slide__block__specimen__case"


@dataclass(frozen=True)
class Wanted:
    """What somebody looks for; empty is anything. `label` is one of those that readers give."""

    words: str = ""
    tissue: str = ""
    stain: str = ""
    label: str = ""
    year: int | None = None
    released: bool = False
    newest_first: bool = False

    @property
    def is_empty(self) -> bool:
        return self == Wanted(newest_first=self.newest_first)


@dataclass(frozen=True)
class Hit:
    """A slide that was found, with the place in its words; nothing in it names the patient."""

    slide: Slide
    snippet: SafeString
    labels: list[str]


@dataclass(frozen=True)
class Found:
    page: Page[SearchDocument]
    hits: list[Hit] = field(default_factory=list)
    facets: dict[str, list[tuple[str, str, int]]] = field(default_factory=dict)


def find(wanted: Wanted, page: int | str | None = 1) -> Found:
    """The slides that fit, the best first. Raises BadInput for words that cannot be a search."""
    query = read(wanted.words)
    documents = _matching(wanted, query)
    ordered = documents.order_by(f"-{CASE}__received", "pk")
    if query and not wanted.newest_first:
        ordered = engine(query).ranked(documents)
    shown = Paginator(ordered, PER_PAGE).get_page(page)
    return Found(shown, _hits([document.pk for document in shown], documents, query), _facets(documents))


def _matching(wanted: Wanted, query: Query | None) -> Documents:
    states = (State.RELEASED,) if wanted.released else FINDABLE
    documents = SearchDocument.objects.filter(slide__state__in=states)
    if query:
        documents = engine(query).matching(documents)
    if wanted.tissue:
        documents = documents.filter(**{f"{CASE}__tissue": wanted.tissue})
    if wanted.stain:
        documents = documents.filter(slide__stain=wanted.stain)
    if wanted.year:
        documents = documents.filter(**{f"{CASE}__received__year": wanted.year})
    if wanted.label:
        signed = Annotation.objects.filter(
            slide=OuterRef("slide"), slide__state__in=READ, label=wanted.label, locked=True, deleted=False
        )
        documents = documents.filter(Exists(signed))
    return documents


def _hits(keys: list[int], documents: Documents, query: Query | None) -> list[Hit]:
    """Of one page: only there the places are looked for."""
    told = documents.filter(pk__in=keys).select_related(CASE)
    rows = {row.pk: row for row in (engine(query).told(told) if query else told)}
    labels = _labels_of([row.slide for row in rows.values()])
    return [_hit(rows[key], labels.get(rows[key].slide_id, [])) for key in keys if key in rows]


def _hit(document: SearchDocument, labels: list[str]) -> Hit:
    beginning = (document.report or document.drawn)[:BEGINNING]
    return Hit(document.slide, _marked(getattr(document, "snippet", "") or beginning), labels)


def _marked(text: str) -> SafeString:
    """Clean words are still a stranger's: they are escaped, and only our own marks become tags."""
    return mark_safe(escape(text).replace(OPEN, "<mark>").replace(CLOSE, "</mark>"))  # noqa: S308


def _labels_of(slides: list[Slide]) -> dict[int, list[str]]:
    rows = Annotation.objects.filter(slide__in=slides, slide__state__in=READ, locked=True, deleted=False)
    found: dict[int, list[str]] = {}
    pairs = rows.exclude(label="").order_by("slide", "label").values_list("slide", "label").distinct()
    for slide, label in pairs:
        found.setdefault(slide, []).append(label)
    return found


def _facets(documents: Documents) -> dict[str, list[tuple[str, str, int]]]:
    """How many of what was found have which tissue, stain and label: value, words, count."""
    tissues, stains = _counted(documents, f"{CASE}__tissue"), _counted(documents, "slide__stain")
    drawn = Annotation.objects.filter(
        slide__in=documents.order_by().values("slide"), slide__state__in=READ, locked=True, deleted=False
    )
    labels = drawn.exclude(label="").order_by().values_list("label").annotate(n=Count("slide", distinct=True))
    return {
        "tissue": [(value, Tissue(value).label, count) for value, count in tissues],
        "stain": [(value, value, count) for value, count in stains],
        "label": [(value, value, count) for value, count in labels.order_by("-n", "label")[:MOST_NAMED]],
    }


def _counted(documents: Documents, name: str) -> list[tuple[str, int]]:
    rows = documents.order_by().values_list(name).annotate(n=Count("pk")).order_by("-n", name)
    return list(rows[:MOST_NAMED])
