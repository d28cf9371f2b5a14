"""The record, as processes that die and networks that fail see it: an SQLite in memory whose every statement
and every commit may be the last of whoever makes it.

Nobody is interrupted between two statements of a transaction (SQLite's are serial); a process that is killed
within one leaves nothing of it, and one that is killed at its commit leaves all or nothing and is not told
which.
"""

import io
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from django.core.management import call_command
from django.db import OperationalError, connection, connections, reset_queries

from tests.faults.world.hub import Hub, Killed

Execute = Callable[[str, Any, bool, dict[str, Any]], Any]
AFTERWARDS = ("ROLLBACK", "RELEASE", "SAVEPOINT")  # what Django says while it unwinds
READS = ("SELECT", "BEGIN")
Strike = Callable[[], None]


def prepare() -> bytes:
    """An empty laboratory with all its tables."""
    connection.settings_dict["NAME"] = ":memory:"
    connection.close()
    call_command("migrate", verbosity=0, interactive=False, stdout=io.StringIO())
    return copy()


def copy() -> bytes:
    """The record as it is."""
    return _raw().serialize()


def open_copy(record: bytes) -> None:
    _raw().deserialize(record)


def _raw() -> sqlite3.Connection:
    connection.ensure_connection()
    found: sqlite3.Connection = connection.connection
    return found


class Database:
    """One night's record. The three strikes are asked before each statement and around each commit: they may
    kill, raise or wait.
    """

    def __init__(self, hub: Hub, record: bytes) -> None:
        self._hub = hub
        self._connection: Any = connections["default"]
        self.away_until = 0.0
        self.statements = self.writes = 0
        self.strike: Strike = _nothing
        self.strike_before_commit: Strike = _nothing
        self.strike_after_commit: Strike = _nothing
        self.written: Callable[[str], None] = lambda sql: None
        self.written_at = 0.0
        open_copy(record)

    @property
    def in_transaction(self) -> bool:
        return bool(self._connection.in_atomic_block)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        django = self._connection
        commit = django._commit
        try:
            with (
                patch.object(django, "_commit", lambda: self._commit(commit)),
                django.execute_wrapper(self._execute),
            ):
                yield
        finally:
            django.rollback()
            django.needs_rollback = False
            reset_queries()

    def _execute(self, execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        process = self._hub.process
        if process is None:
            return execute(sql, params, many, context)
        within = self.in_transaction
        if not process.alive and within and sql.startswith(AFTERWARDS):
            return execute(sql, params, many, context)
        self._refuse_while_away()
        self.strike()
        self.statements += 1
        found = execute(sql, params, many, context)
        if not sql.startswith(READS):
            self.writes += 1
            self.written_at = self._hub.now
            self.written(sql)
            if not within:
                self.strike_after_commit()
        return found

    def _commit(self, commit: Callable[[], None]) -> None:
        process = self._hub.process
        if process is None:
            commit()
            return
        try:
            self._refuse_while_away()
            self.strike_before_commit()
        except Killed:  # Django rolls back for errors only, and turning autocommit on again would commit
            self._connection.rollback()
            raise
        commit()
        self.strike_after_commit()

    def next_due(self) -> datetime | None:
        """When the next job is due; asked behind everybody's back."""
        question = "SELECT MIN(due_at) FROM core_job WHERE done_at IS NULL AND failed_at IS NULL"
        (found,) = _raw().execute(question).fetchone()
        return datetime.fromisoformat(found).replace(tzinfo=UTC) if found else None

    def has_open_nights(self) -> bool:
        """The same of the nights."""
        (count,) = _raw().execute("SELECT COUNT(*) FROM scanning_night WHERE ended_at IS NULL").fetchone()
        return bool(count)

    def _refuse_while_away(self) -> None:
        process = self._hub.process
        if process is not None and not process.alive:
            raise Killed
        if self._hub.now < self.away_until:
            raise OperationalError("the database does not answer")


def _nothing() -> None:
    """Nothing strikes."""
