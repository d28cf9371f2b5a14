"""What two hands at once and a slide's whole life must hold on PostgreSQL as well as on SQLite: the same
tests, run again in a process of their own against a real server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres.server import url

ROOT = Path(__file__).resolve().parents[2]
SUITES = {
    "record": ["tests/lims/test_races.py", "tests/lims/test_life.py", "tests/lims/test_batches.py"],
    "outbox and audit": ["tests/core/test_jobs.py", "tests/core/test_audit.py"],
    "reading": [
        "tests/annotation/test_races.py",
        "tests/annotation/test_sharing.py",
        "tests/annotation/test_handing.py",
    ],
    "scanning": [
        "tests/scanning/test_leases.py",
        "tests/scanning/test_races.py",
        "tests/scanning/test_nights.py",
        "tests/scanning/test_driving.py",
        "tests/scanning/test_controls.py",
        "tests/scanning/test_alerts.py",
        "tests/scanning/test_watching.py",
        "tests/scanning/test_reconciling.py",
        "tests/scanning/test_review.py",
    ],
    "vault": ["tests/deidentify/test_vault.py"],
    "search": ["tests/corpus/test_search.py", "tests/corpus/test_searching.py"],
}

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(900)]


@pytest.mark.parametrize("suite", SUITES)
def test_it_holds_on_postgres(suite, sockets, tmp_path):
    here = {
        "DATABASE_URL": url(sockets, "nocturne"),
        "VAULT_DATABASE_URL": url(sockets, "vault"),
        "NOCTURNE_VAR": str(tmp_path / "var"),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--create-db", *SUITES[suite]]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | here, capture_output=True, text=True, timeout=880, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout.splitlines()[-1]


def test_the_runs_above_were_on_postgres(sockets, tmp_path):
    code = "from django.conf import settings; print(*(d['ENGINE'] for d in settings.DATABASES.values()))"
    here = {
        "DATABASE_URL": url(sockets, "nocturne"),
        "VAULT_DATABASE_URL": url(sockets, "vault"),
        "NOCTURNE_VAR": str(tmp_path / "var"),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | here,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["django.db.backends.postgresql"] * 2
