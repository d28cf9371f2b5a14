"""The list of a site's slides in pages, and the whole of it for a browser that narrows it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.template.defaultfilters import filesizeformat

from corpus.site.facts import Shown

PER_PAGE: Final = 200
"""As in static/corpus/site/site.js."""
_NEAR: Final = 2
"""Pages named on either side of the one that is shown, beside the first and the last."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page's number, from 1, and its file."""

    number: int

    @property
    def file(self) -> str:
        return "slides.html" if self.number == 1 else f"slides-{self.number}.html"


@dataclass(frozen=True, slots=True)
class Part:
    """What one page of the list shows: rows ``first`` to ``last`` (from 1) of ``all``."""

    number: int
    of: int
    all: int
    rows: Sequence[dict[str, Any]]

    @property
    def file(self) -> str:
        return Page(self.number).file

    @property
    def first(self) -> int:
        return (self.number - 1) * PER_PAGE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    @property
    def before(self) -> str:
        return Page(self.number - 1).file if self.number > 1 else ""

    @property
    def after(self) -> str:
        return Page(self.number + 1).file if self.number < self.of else ""

    @property
    def pages(self) -> list[Page]:
        near = range(self.number - _NEAR, self.number + _NEAR + 1)
        return [Page(one) for one in range(1, self.of + 1) if one in (1, self.of) or one in near]


def rows(slides: Sequence[Shown]) -> list[dict[str, Any]]:
    """What the list says of each slide, in their order: the index of words counts by it."""
    return [
        {
            "name": slide.name,
            "page": slide.page,
            **{name: slide.image[name] for name in ("tissue", "stain", "cut")},
            "annotations": slide.annotations,
            "size": filesizeformat(slide.image["bytes"]).replace("\xa0", " "),
        }
        for slide in slides
    ]


def parts(listed: Sequence[dict[str, Any]]) -> Iterator[Part]:
    """The pages of the list; one for an empty list."""
    of = max(1, -(-len(listed) // PER_PAGE))
    for number in range(1, of + 1):
        yield Part(number, of, len(listed), listed[(number - 1) * PER_PAGE : number * PER_PAGE])
