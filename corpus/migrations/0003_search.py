"""The words of slides, and the full-text index of whichever database this is.

SQLite: an FTS5 table that keeps no text of its own, held level by triggers; a later migration that makes
`corpus_searchdocument` anew must make the triggers again (`make`). PostgreSQL: a dictionary that stems English
and leaves no word out, and a GIN index over what `corpus_search_text` makes of a row.
"""

from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import corpus.models

SQLITE = (
    "CREATE VIRTUAL TABLE corpus_search USING fts5(report, drawn, content='corpus_searchdocument',"
    " content_rowid='id', tokenize='porter unicode61 remove_diacritics 2')",
    "INSERT INTO corpus_search(corpus_search, rank) VALUES ('rank', 'bm25(1.0, 4.0)')",
    "CREATE TRIGGER corpus_search_added AFTER INSERT ON corpus_searchdocument BEGIN"
    " INSERT INTO corpus_search(rowid, report, drawn) VALUES (new.id, new.report, new.drawn); END",
    "CREATE TRIGGER corpus_search_gone AFTER DELETE ON corpus_searchdocument BEGIN"
    " INSERT INTO corpus_search(corpus_search, rowid, report, drawn)"
    " VALUES ('delete', old.id, old.report, old.drawn); END",
    "CREATE TRIGGER corpus_search_changed AFTER UPDATE ON corpus_searchdocument BEGIN"
    " INSERT INTO corpus_search(corpus_search, rowid, report, drawn)"
    " VALUES ('delete', old.id, old.report, old.drawn);"
    " INSERT INTO corpus_search(rowid, report, drawn) VALUES (new.id, new.report, new.drawn); END",
)
SQLITE_GONE = (
    "DROP TRIGGER corpus_search_added",
    "DROP TRIGGER corpus_search_gone",
    "DROP TRIGGER corpus_search_changed",
    "DROP TABLE corpus_search",
)
WORDS = "to_tsvector('corpus_english', regexp_replace({}, '[^[:alnum:]]+', ' ', 'g'))"
POSTGRESQL = (
    "CREATE TEXT SEARCH DICTIONARY corpus_stem (TEMPLATE = snowball, LANGUAGE = english)",
    "CREATE TEXT SEARCH CONFIGURATION corpus_english (COPY = simple)",
    "ALTER TEXT SEARCH CONFIGURATION corpus_english"
    " ALTER MAPPING FOR asciiword, word, numword WITH corpus_stem",
    "CREATE FUNCTION corpus_search_text(report text, drawn text) RETURNS tsvector LANGUAGE sql IMMUTABLE"
    f" RETURN setweight({WORDS.format('drawn')}, 'A') || {WORDS.format('report')}",
    "CREATE INDEX corpus_search ON corpus_searchdocument USING gin (corpus_search_text(report, drawn))",
)
POSTGRESQL_GONE = (
    "DROP INDEX corpus_search",
    "DROP FUNCTION corpus_search_text(text, text)",
    "DROP TEXT SEARCH CONFIGURATION corpus_english",
    "DROP TEXT SEARCH DICTIONARY corpus_stem",
)


def make(apps: Any, editor: Any) -> None:
    _say(editor, {"sqlite": SQLITE, "postgresql": POSTGRESQL})


def unmake(apps: Any, editor: Any) -> None:
    _say(editor, {"sqlite": SQLITE_GONE, "postgresql": POSTGRESQL_GONE})


def _say(editor: Any, said: dict[str, tuple[str, ...]]) -> None:
    for statement in said[editor.connection.vendor]:
        editor.execute(statement, None)


class Migration(migrations.Migration):
    dependencies = [
        ("corpus", "0002_small_cells_and_withdrawal"),
        ("lims", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("report", models.TextField(blank=True)),
                ("drawn", models.TextField(blank=True, help_text="labels and comments of what was signed")),
                ("of_report", models.CharField(blank=True, max_length=64)),
                ("indexed_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "slide",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="lims.slide"
                    ),
                ),
            ],
        ),
        migrations.RunPython(make, unmake),
        migrations.CreateModel(
            name="SearchIndex",
            fields=[
                (
                    "document",
                    models.OneToOneField(
                        db_column="rowid",
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="index",
                        serialize=False,
                        to="corpus.searchdocument",
                    ),
                ),
                ("words", corpus.models.Words(db_column="corpus_search")),
                ("rank", models.FloatField()),
            ],
            options={"db_table": "corpus_search", "managed": False},
        ),
    ]
