"""Full text in the two databases: FTS5 in SQLite, a GIN index in PostgreSQL. One contract, one test.

Both see the same words (letters and digits, without marks, stemmed as English, none left out: in pathology
"no" is a word), weigh what was drawn above the report, and mark what they found between `OPEN` and `CLOSE`.
"""

from dataclasses import dataclass
from typing import Final

from django.contrib.postgres.search import SearchHeadline, SearchQuery, SearchRank, SearchVectorField
from django.db import connection
from django.db.models import F, Func, QuerySet, TextField, Value
from django.db.models.functions import Concat

from corpus.models import SearchDocument
from corpus.search.words import Query

OPEN, CLOSE = "\x02", "\x03"
SNIPPET_WORDS: Final = 24
ENGLISH: Final = "corpus_english"  # of migration 0003

Documents = QuerySet[SearchDocument]


@dataclass(frozen=True)
class Fts5:
    query: Query

    def matching(self, documents: Documents) -> Documents:
        return documents.filter(index__words__match=self.query.for_fts5())

    def ranked(self, documents: Documents) -> Documents:
        return documents.order_by("index__rank", "pk")

    def told(self, documents: Documents) -> Documents:
        """With the place where it was found, as `snippet`."""
        column, marks = Value(-1), (Value(OPEN), Value(CLOSE), Value(" … "))
        snippet = Func(F("index__words"), column, *marks, Value(SNIPPET_WORDS), function="snippet")
        snippet.output_field = TextField()
        return documents.annotate(snippet=snippet)


@dataclass(frozen=True)
class GinIndex:
    query: Query

    def matching(self, documents: Documents) -> Documents:
        return documents.alias(words=self._words()).filter(words=self._asked())

    def ranked(self, documents: Documents) -> Documents:
        rank = SearchRank(self._words(), self._asked())
        return documents.alias(rank=rank).order_by("-rank", "pk")

    def told(self, documents: Documents) -> Documents:
        text = Concat("drawn", Value(" \n"), "report", output_field=TextField())
        marked = SearchHeadline(
            text,
            self._asked(),
            config=ENGLISH,
            start_sel=OPEN,
            stop_sel=CLOSE,
            fragment_delimiter=" … ",
            max_words=SNIPPET_WORDS,
            min_words=8,
            max_fragments=2,
        )
        return documents.annotate(snippet=marked)

    def _words(self) -> Func:
        return Func("report", "drawn", function="corpus_search_text", output_field=SearchVectorField())

    def _asked(self) -> SearchQuery:
        return SearchQuery(self.query.for_tsquery(), config=ENGLISH, search_type="raw")


def engine(query: Query) -> Fts5 | GinIndex:
    return GinIndex(query) if connection.vendor == "postgresql" else Fts5(query)
