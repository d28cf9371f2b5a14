"""What a query looks like apart from its values: its steps, taken apart and put together again."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Model, Q, QuerySet, sql
from django.db.models.expressions import Combinable

# A step of a chain: its name, and what it was called with.
Step = tuple[str, tuple[Any, ...]]
Values = list[Any]
Key = list[object]
FILTER, ORDER, RELATED, FIELDS, ONLY, DISTINCT, LIMIT, SET = (
    "filter", "order_by", "select_related", "values", "only", "distinct", "limit", "set",
)  # fmt: skip
MOST_OF_A_LIST = 8
EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
SIMPLE = (int, str, float, UUID, datetime, date)


class Unlike(Exception):
    """This query is like no other: it goes Django's own way."""


def shape_of(steps: Sequence[Step]) -> tuple[tuple[object, ...], Values]:
    """What two queries that differ in values alone have in common, and the values."""
    key: Key = []
    values: Values = []
    for name, said in steps:
        key.append(name)
        if name == FILTER:
            negate, args, kwargs = said
            key.append(negate)
            for arg in args:
                _part(arg, key, values)
            _named(kwargs, key, values)
        elif name == SET:
            _named(said[0], key, values)
        else:
            key.append(said)
    return tuple(key), values


def _named(found: Mapping[str, Any], key: Key, values: Values) -> None:
    for name, value in found.items():
        key.append(name)
        _value(value, key, values)


def _part(part: object, key: Key, values: Values) -> None:
    if isinstance(part, Q):
        key.append((part.connector, part.negated, len(part.children)))
        for child in part.children:
            _part(child, key, values)
    elif isinstance(part, tuple) and len(part) == 2:
        key.append(part[0])
        _value(part[1], key, values)
    else:
        raise Unlike


def _value(value: Any, key: Key, values: Values) -> None:
    if value is None or value is True or value is False:
        key.append(value)  # these change the SQL
    elif isinstance(value, SIMPLE):
        key.append(type(value))
        values.append(value)
    elif isinstance(value, Model) and value.pk is not None:
        key.append(type(value))
        values.append(value.pk)
    elif isinstance(value, dict):
        key.append(dict)
        values.append(value)
    elif isinstance(value, list | tuple | set | frozenset) and len(value) <= MOST_OF_A_LIST:
        different = list(dict.fromkeys(value))
        key.append(("list", len(different)))
        for one in different:
            if not isinstance(one, SIMPLE):
                raise Unlike
            _value(one, key, values)
    elif isinstance(value, Combinable):
        key.append(repr(value))
    elif isinstance(value, QuerySet) and (steps := _put_off(value)) is not None:
        inner, more = shape_of(steps)
        key.append((value.model, inner))
        values.extend(more)
    else:
        raise Unlike


def _put_off(chain: Any) -> Sequence[Step] | None:
    """The steps of a chain that nobody has wanted yet (see `chains`)."""
    steps: Sequence[Step] | None = chain._steps
    return steps


# --- put together again, with other values
def with_others(steps: Sequence[Step], other: Callable[[Any], Any]) -> list[Step]:
    """The same chain; `other` says for each value, in the order of `shape_of`, what stands in its place."""
    made: list[Step] = []
    for name, said in steps:
        if name == FILTER:
            negate, args, kwargs = said
            parts = tuple(_other_part(arg, other) for arg in args)
            made.append((FILTER, (negate, parts, _others(kwargs, other))))
        else:
            made.append((SET, (_others(said[0], other),)) if name == SET else (name, said))
    return made


def _others(found: Mapping[str, Any], other: Callable[[Any], Any]) -> dict[str, Any]:
    return {name: _other(value, other) for name, value in found.items()}


def _other_part(part: Any, other: Callable[[Any], Any]) -> Any:
    if isinstance(part, Q):
        children = [_other_part(child, other) for child in part.children]
        return Q.create(children, connector=part.connector, negated=part.negated)
    return part[0], _other(part[1], other)


def _other(value: Any, other: Callable[[Any], Any]) -> Any:
    if value is None or isinstance(value, bool | Combinable):
        return value
    if isinstance(value, Model):
        return other(value.pk)  # the SQL is the same
    if isinstance(value, list | tuple | set | frozenset):
        return [other(one) for one in dict.fromkeys(value)]
    if isinstance(value, QuerySet):
        return query_of(value.model, with_others(_put_off(value) or (), other))
    return other(value)


def probe(number: int, like: Any) -> Any:
    """A value of the same kind that is seen again among the parameters."""
    if isinstance(like, UUID):
        return UUID(int=2**100 + number)
    if isinstance(like, datetime):
        return EPOCH + timedelta(days=number)
    if isinstance(like, date):
        return EPOCH.date() + timedelta(days=number)
    if isinstance(like, str):
        return f"~{number}~"
    if isinstance(like, dict):
        return {"probe": number}
    return 700_001 + number if isinstance(like, int) else 0.25 + number


@lru_cache(10_000)
def _time(value: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(value)


def conversion(like: Any) -> Callable[[Any], Any] | None:
    """How values of this kind usually go to the database; None: as they are."""
    if isinstance(like, UUID):
        return attrgetter("hex")
    if isinstance(like, datetime):
        return _time
    return json.dumps if isinstance(like, dict) else None


def query_of(model: type[Model], steps: Sequence[Step]) -> "sql.Query":
    """Django's own query, as its chain would have made it."""
    query = sql.Query(model)
    for name, said in steps:
        match name:
            case "filter":
                negate, args, kwargs = said
                query.add_q(~Q(*args, **kwargs) if negate else Q(*args, **kwargs))
            case "order_by":
                query.clear_ordering(force=True, clear_default=False)
                query.add_ordering(*said)
            case "select_related":
                query.add_select_related(said)
            case "values":
                query.set_values(said)
            case "only":
                query.add_immediate_loading(said)
            case "distinct":
                query.add_distinct_fields()
            case "limit":
                query.set_limits(None, said[0])
    return query
