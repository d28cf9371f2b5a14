"""One SQL for all queries of one shape, and where the parameters of each come from.

Where a value ends up among the parameters is found by asking Django twice, the second time with values that
are seen again. A query of which that does not explain every parameter has no statement: it goes Django's own
way.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections, transaction
from django.db.models import Count, Field, Model, sql
from django.db.models.query import FlatValuesListIterable, ValuesListIterable, get_related_populators

from tests.faults.world.queries.shapes import Step, Values, conversion, probe, query_of, with_others

Row = Sequence[Any]
_populators: Callable[..., Sequence[Any]] = get_related_populators
Source = Callable[[Values], Any]


@dataclass(frozen=True)
class Statement:
    """The SQL of all queries of one shape, where its parameters come from, and what becomes of its rows."""

    connection: Any
    sql: str
    sources: Sequence[Source]
    made: Callable[[Sequence[Row]], list[Any]]

    def parameters(self, values: Values) -> tuple[Any, ...]:
        return tuple(source(values) for source in self.sources)

    def rows(self, values: Values) -> list[Any]:
        return self.made(_said(self.connection, self.sql, self.parameters(values)).fetchall())

    def changed(self, values: Values) -> int:
        with transaction.mark_for_rollback_on_error(using=self.connection.alias):
            return _said(self.connection, self.sql, self.parameters(values)).rowcount


def _said(connection: Any, sql: str, parameters: Sequence[Any]) -> sqlite3.Cursor:
    """What Django's cursor does with a statement, less its wrappers: the world's own is asked as always."""

    def execute(sql: str, parameters: Sequence[Any], many: bool, context: object) -> sqlite3.Cursor:
        connection.validate_no_broken_transaction()
        try:
            found: sqlite3.Cursor = connection.connection.execute(sql, parameters)
        except sqlite3.Error:
            with connection.wrap_database_errors:
                raise
        return found

    if not connection.execute_wrappers:
        return execute(sql, parameters, False, {})
    (world,) = connection.execute_wrappers
    answer: sqlite3.Cursor = world(execute, sql, parameters, False, {})
    return answer


def _for_sqlite(text: str) -> str:
    """Question marks for Django's %s."""
    return text.replace("%s", "?").replace("%%", "%")


def _compiler(kind: object, model: type[Model], steps: Sequence[Step], db: str) -> Any:
    query: Any = query_of(model, steps)
    if kind == "exists":
        query = query.exists()
    elif kind == "count":
        query.clear_ordering(force=True)
        query.select, query.default_cols = (), False
        query.add_annotation(Count("*"), "__count")
    elif kind == "update":
        query = query.chain(sql.UpdateQuery)
        query.add_update_values(dict(steps[-1][1][0]))
        query.clear_select_clause()
    return query.get_compiler(db)


def prepare(
    kind: object, model: type[Model], steps: Sequence[Step], values: Values, db: str
) -> Statement | None:
    probes: Values = []

    def probed(value: Any) -> Any:
        probes.append(probe(len(probes), value))
        return probes[-1]

    again = with_others(steps, probed)  # first: a chain within this one is used up by Django
    compiler, other = _compiler(kind, model, steps, db), _compiler(kind, model, again, db)
    try:
        (text, parameters), (same, seen) = compiler.as_sql(), other.as_sql()
    except EmptyResultSet:
        return None
    sources = [_source(one, probes, db) for one in seen]
    if text != same or (kind == "update" and compiler.query.get_related_updates()):
        return None
    found = Statement(connections[db], _for_sqlite(text), sources, _maker(kind, compiler, db))
    return found if found.parameters(values) == tuple(parameters) else None


def _source(parameter: Any, probes: Values, db: str) -> Source:
    for number, value in enumerate(probes):
        convert = conversion(value)
        if parameter == (convert(value) if convert else value):
            return _converted(number, convert) if convert else itemgetter(number)
        if isinstance(value, str) and isinstance(parameter, str) and value in parameter:
            before, after = parameter.split(value)
            escaped = connections[db].ops.prep_for_like_query
            return lambda values: f"{before}{escaped(values[number])}{after}"
    return lambda values: parameter


def _converted(number: int, convert: Callable[[Any], Any]) -> Source:
    return lambda values: convert(values[number])


def _maker(kind: object, compiler: Any, db: str) -> Callable[[Sequence[Row]], list[Any]]:
    if not isinstance(kind, type):
        return list
    converters = compiler.get_converters([column[0] for column in compiler.select])

    def converted(rows: Sequence[Row]) -> Iterator[Row]:
        return compiler.apply_converters(rows, converters) if converters else iter(rows)

    if kind is FlatValuesListIterable:
        return lambda rows: [row[0] for row in converted(rows)]
    if kind is ValuesListIterable:
        return lambda rows: [tuple(row) for row in converted(rows)]
    return _models(compiler, db, converted)


def _models(
    compiler: Any, db: str, converted: Callable[[Sequence[Row]], Iterator[Row]]
) -> Callable[[Sequence[Row]], list[Any]]:
    """As Django's `ModelIterable` does it."""
    klass = compiler.klass_info
    start, end = klass["select_fields"][0], klass["select_fields"][-1] + 1
    names = [column[0].target.attname for column in compiler.select[start:end]]
    populators = _populators(klass, compiler.select, db)

    def made(rows: Sequence[Row]) -> list[Any]:
        found = []
        for row in converted(rows):
            one = klass["model"].from_db(db, names, row[start:end])
            for populator in populators:
                populator.populate(row, one)
            found.append(one)
        return found

    return made


@dataclass(frozen=True)
class Insertion:
    """The SQL that writes one row of a model."""

    connection: Any
    sql: str
    fields: Sequence["Field[Any, Any]"]

    def parameters(self, row: Model) -> list[Any]:
        values = ((field, field.pre_save(row, add=True)) for field in self.fields)
        return [field.get_db_prep_save(value, connection=self.connection) for field, value in values]

    def written(self, row: Model) -> list[tuple[Any, ...]]:
        """The new row's id."""
        rows: list[tuple[Any, ...]] = _said(self.connection, self.sql, self.parameters(row)).fetchall()
        return rows


def prepare_insertion(row: Model, fields: Sequence["Field[Any, Any]"], db: str) -> Insertion | None:
    """None where the row is not made of plain values, or has no id that the database chooses."""
    query = sql.InsertQuery(type(row))
    query.insert_values(fields, [row])
    compiler: Any = query.get_compiler(db)
    compiler.returning_fields = [type(row)._meta.auto_field]
    ((text, parameters),) = compiler.as_sql()
    found = Insertion(connections[db], _for_sqlite(text), fields)
    return found if found.parameters(row) == list(parameters) else None
