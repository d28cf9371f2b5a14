"""Typed readers of the environment. NAME_FILE is read where NAME is not set (docker secrets)."""

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlparse


class BadEnvironment(ValueError):
    """A variable of the environment says something we cannot use."""


def text(name: str, default: str) -> str:
    file = os.environ.get(f"{name}_FILE")
    if name not in os.environ and file:
        return Path(file).read_text(encoding="utf-8").strip()
    return os.environ.get(name, default)


def flag(name: str, default: bool) -> bool:
    value = text(name, "yes" if default else "no").lower()
    if value not in {"yes", "no", "true", "false", "1", "0"}:
        raise BadEnvironment(f"{name} must be yes or no, not {value!r}")
    return value in {"yes", "true", "1"}


def whole(name: str, default: int) -> int:
    value = text(name, str(default))
    try:
        return int(value)
    except ValueError as error:
        raise BadEnvironment(f"{name} must be a whole number, not {value!r}") from error


def number(name: str, default: float) -> float:
    value = text(name, str(default))
    try:
        return float(value)
    except ValueError as error:
        raise BadEnvironment(f"{name} must be a number, not {value!r}") from error


def words(name: str, default: str) -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def database(name: str, default: Path) -> dict[str, object]:
    """A Django database from a URL: postgresql://user:password@host:port/name or the SQLite file by
    default.
    """
    url = text(name, "")
    if not url:
        return sqlite(default)
    parts = urlparse(url)
    if parts.scheme == "sqlite":
        return sqlite(Path(parts.path))
    if parts.scheme not in {"postgres", "postgresql"}:
        raise BadEnvironment(f"{name}: only postgresql:// and sqlite:// are known, not {parts.scheme}://")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


def sqlite(file: Path) -> dict[str, object]:
    """SQLite as a laboratory needs it: readers never wait, writers take turns."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(file),
        "CONN_MAX_AGE": 60,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def scanners(name: str) -> dict[str, tuple[str, str]]:
    """`scanner-1=tcp://…:5701,tcp://…:5702;scanner-2=…` → {name: (commands, events)}."""
    found: dict[str, tuple[str, str]] = {}
    for entry in filter(None, (part.strip() for part in text(name, "").split(";"))):
        key, _, endpoints = entry.partition("=")
        commands, _, events = endpoints.partition(",")
        if not (key and commands and events):
            raise BadEnvironment(f"{name}: {entry!r} is not NAME=COMMANDS,EVENTS")
        found[key.strip()] = (commands.strip(), events.strip())
    return found
