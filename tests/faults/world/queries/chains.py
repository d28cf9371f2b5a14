"""Django builds and compiles each query anew, which is most of what a simulated night costs. Here a chain of
`filter`, `order_by` and the like is put off until its rows are wanted, and one that looks like an earlier one
takes that one's SQL with parameters of its own. Whatever else is asked of a chain, Django does.

The statements, their order and their results are the same with and without this.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from django.db.backends.sqlite3.base import SQLiteCursorWrapper
from django.db.backends.sqlite3.operations import DatabaseOperations
from django.db.models import QuerySet
from django.db.models.query import (
    MAX_GET_RESULTS,
    FlatValuesListIterable,
    ModelIterable,
    ValuesListIterable,
)

from tests.faults.world.queries.shapes import (
    DISTINCT,
    FIELDS,
    FILTER,
    LIMIT,
    ONLY,
    ORDER,
    RELATED,
    SET,
    Step,
    Unlike,
    Values,
    query_of,
    shape_of,
)
from tests.faults.world.queries.statements import Insertion, Statement, prepare, prepare_insertion

ITERABLES = (ModelIterable, ValuesListIterable, FlatValuesListIterable)
_own = {name: vars(QuerySet)[name] for name in (
    "__init__", "query", "_clone", "_filter_or_exclude", "order_by", "select_related", "values_list", "only",
    "distinct", "__getitem__", "_insert", "get", "first", "exists", "count", "update", "_fetch_all",
    "_not_support_combined_queries",
)}  # fmt: skip
_known: dict[tuple[object, ...], Statement | None] = {}
_insertions: dict[tuple[object, ...], Insertion | None] = {}
_LATER = object()  # stands for a query that nobody has wanted yet


def _begin(self: Any, model: Any = None, query: Any = None, using: Any = None, hints: Any = None) -> None:
    _own["__init__"](self, model, query or _LATER, using, hints)
    self._steps = () if query is None else None


def _query(self: Any) -> Any:
    if self._steps is not None:
        self._query, self._steps = query_of(self.model, self._steps), None
    return _own["query"].fget(self)


def _set_query(self: Any, query: Any) -> None:
    self._steps = None
    _own["query"].fset(self, query)


def _not_combined(self: Any, what: str) -> None:
    if self._steps is None:
        _own["_not_support_combined_queries"](self, what)


def _is_open(chain: Any) -> bool:
    """Whether more steps may be put off."""
    steps = chain._steps
    return steps is not None and not (steps and steps[-1][0] == LIMIT) and not chain._sticky_filter


def _longer(chain: Any, *steps: Step) -> Any:
    made = chain.__class__(model=chain.model, using=chain._db, hints=chain._hints)
    made._steps = chain._steps + steps
    made._for_write = chain._for_write
    made._prefetch_related_lookups = chain._prefetch_related_lookups
    made._known_related_objects = chain._known_related_objects
    made._iterable_class, made._fields = chain._iterable_class, chain._fields
    return made


def _clone(self: Any) -> Any:
    put_off = self._steps is not None and not self._sticky_filter
    return _longer(self) if put_off else _own["_clone"](self)


def _filter(self: Any, negate: bool, args: Any, kwargs: Any) -> Any:
    if not _is_open(self):
        return _own["_filter_or_exclude"](self, negate, args, kwargs)
    self._defer_next_filter = False
    return _longer(self, (FILTER, (negate, args, kwargs)))


def _are_names(names: Sequence[object]) -> bool:
    return all(isinstance(name, str) for name in names)


def _order_by(self: Any, *names: Any) -> Any:
    put_off = _is_open(self) and _are_names(names)
    return _longer(self, (ORDER, names)) if put_off else _own["order_by"](self, *names)


def _select_related(self: Any, *names: Any) -> Any:
    put_off = _is_open(self) and names and _are_names(names) and self._fields is None
    return _longer(self, (RELATED, names)) if put_off else _own["select_related"](self, *names)


def _only(self: Any, *names: Any) -> Any:
    put_off = _is_open(self) and names and _are_names(names) and self._fields is None
    return _longer(self, (ONLY, names)) if put_off else _own["only"](self, *names)


def _values_list(self: Any, *names: Any, flat: bool = False, named: bool = False) -> Any:
    plain = names and _are_names(names) and len(set(names)) == len(names) and not (flat and len(names) > 1)
    if named or not plain or not _is_open(self) or self._fields is not None:
        return _own["values_list"](self, *names, flat=flat, named=named)
    made = _longer(self, (FIELDS, names))
    made._fields, made._iterable_class = names, FlatValuesListIterable if flat else ValuesListIterable
    return made


def _distinct(self: Any, *names: Any) -> Any:
    put_off = _is_open(self) and not names
    return _longer(self, (DISTINCT, ())) if put_off else _own["distinct"](self, *names)


def _from_the_top(self: Any, which: Any) -> Any:
    first = isinstance(which, slice) and (which.start, which.step) == (None, None) and which.stop
    if first and _is_open(self) and self._result_cache is None:
        return _longer(self, (LIMIT, (which.stop,)))
    return _own["__getitem__"](self, which)


# --- and what ends them
def _statement(chain: Any, kind: object, *more: Step) -> tuple[Statement, Values] | None:
    steps, db = (*chain._steps, *more), chain.db
    try:
        shape, values = shape_of(steps)
    except Unlike:
        return None
    key = chain.model, kind, db, shape
    if key not in _known:
        _known[key] = prepare(kind, chain.model, steps, values, db)
    found = _known[key]
    return (found, values) if found else None


def _fetch_all(self: Any) -> None:
    iterable = self._iterable_class
    plain = iterable in ITERABLES and not (self._known_related_objects and iterable is ModelIterable)
    if self._result_cache is None and self._steps is not None and plain:
        found = _statement(self, iterable)
        if found is not None:
            self._result_cache = found[0].rows(found[1])
    _own["_fetch_all"](self)


def _get(self: Any, *args: Any, **kwargs: Any) -> Any:
    chain = self.filter(*args, **kwargs) if _is_open(self) else self
    if not _is_open(chain):
        return _own["get"](self, *args, **kwargs)
    found = list(chain.order_by()[:MAX_GET_RESULTS])
    if len(found) == 1:
        return found[0]
    name = self.model._meta.object_name
    if not found:
        raise self.model.DoesNotExist(f"{name} matching query does not exist.")
    raise self.model.MultipleObjectsReturned(f"get() returned more than one {name}")


def _first(self: Any) -> Any:
    if not _is_open(self):
        return _own["first"](self)
    orders = [said for name, said in self._steps if name == ORDER]
    ordered = orders[-1] if orders else self.model._meta.ordering
    chain = self if ordered else self.order_by("pk")
    return next(iter(chain[:1]), None)


def _exists(self: Any) -> bool:
    found = _statement(self, "exists") if self._result_cache is None and self._steps is not None else None
    return bool(found[0].rows(found[1])) if found else _own["exists"](self)


def _count(self: Any) -> int:
    plain = self._result_cache is None and _is_open(self) and (DISTINCT, ()) not in self._steps
    found = _statement(self, "count") if plain else None
    return int(found[0].rows(found[1])[0][0] if found else _own["count"](self))


def _update(self: Any, **kwargs: Any) -> int:
    if _is_open(self) and (DISTINCT, ()) not in self._steps:
        self._for_write = True
        found = _statement(self, "update", (SET, (kwargs,)))
        if found is not None:
            self._result_cache = None
            return found[0].changed(found[1])
    return int(_own["update"](self, **kwargs))


def _insert(
    self: Any, objs: Any, fields: Any, returning_fields: Any = None, raw: bool = False, using: Any = None,
    **conflict: Any,
) -> Any:  # fmt: skip
    names = [field.name for field in returning_fields or ()]
    if len(objs) != 1 or names != ["id"] or raw or any(conflict.values()):
        return _own["_insert"](self, objs, fields, returning_fields, raw, using, **conflict)
    self._for_write = True
    db = using or self.db
    key = self.model, db, tuple(field.name for field in fields)
    if key not in _insertions:
        _insertions[key] = prepare_insertion(objs[0], fields, db)
    found = _insertions[key]
    if found is None:
        return _own["_insert"](self, objs, fields, returning_fields, raw, using, **conflict)
    return found.written(objs[0])


@contextmanager
def queries_prepared() -> Iterator[None]:
    qmarks: dict[str, str] = {}
    convert, to_time = SQLiteCursorWrapper.convert_query, DatabaseOperations.convert_datetimefield_value
    times: dict[object, Any] = {}

    def converted(self: Any, query: str, *, param_names: Any = None) -> Any:
        if param_names is not None:
            return convert(self, query, param_names=param_names)
        if query not in qmarks:
            qmarks[query] = convert(self, query)
        return qmarks[query]

    def time(self: Any, value: Any, expression: Any, connection: Any) -> Any:
        if value not in times:
            times[value] = to_time(self, value, expression, connection)
        return times[value]

    patched: dict[str, Any] = {
        "__init__": _begin, "query": property(_query, _set_query), "_clone": _clone,
        "_filter_or_exclude": _filter, "order_by": _order_by, "select_related": _select_related,
        "values_list": _values_list, "only": _only, "distinct": _distinct, "__getitem__": _from_the_top,
        "get": _get, "first": _first, "exists": _exists, "count": _count, "update": _update,
        "_insert": _insert, "_fetch_all": _fetch_all, "_not_support_combined_queries": _not_combined,
    }  # fmt: skip
    with ExitStack() as stack:
        stack.enter_context(patch.object(QuerySet, "_steps", None, create=True))
        for name, what in patched.items():
            stack.enter_context(patch.object(QuerySet, name, what))
        stack.enter_context(patch.object(SQLiteCursorWrapper, "convert_query", converted))
        stack.enter_context(patch.object(DatabaseOperations, "convert_datetimefield_value", time))
        yield
