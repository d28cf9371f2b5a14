"""The cast of the laboratory, as fixtures, and a place of its own for everything a test writes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.contrib.auth.models import Group
from django.db import connections
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient
from xdist.scheduler import LoadScopeScheduling

from core.models import User
from core.roles import Role

# A busy machine makes an example slow; pytest's own timeout ends one that hangs.
hypothesis.settings.register_profile("nocturne", deadline=None)
hypothesis.settings.load_profile("nocturne")

# the rows of every route × role table: who may knock
Browsers = Callable[[str], Client]
# Folders whose files share a laboratory, a browser or a story: of several processes one runs them all.
TOGETHER = ("browser", "postgres", "system", "viewer")
CAST = (*(role.value for role in Role), "stranger", "anonymous")


class ByRoom(LoadScopeScheduling):  # type: ignore[misc]  # xdist says no types
    """What one process runs together: a file, or a whole folder that shares something."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = Path(file).parts[1]
        return folder if folder in TOGETHER else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByRoom:
    return ByRoom(config, log)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """SQLite in files: threads of one test meet in a real database, and two test runs never share one."""
    folder = tmp_path_factory.mktemp("databases")
    for alias in connections:
        settings = connections[alias].settings_dict
        if settings["ENGINE"].endswith("sqlite3"):
            settings["TEST"]["NAME"] = str(folder / f"{alias}.sqlite3")


@pytest.fixture(autouse=True)
def own_folders(settings: Settings, tmp_path: Path) -> None:
    """No test writes into the laboratory's own folders."""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    }
    settings.REPORT_REVIEW = (
        "machine"  # two people sign in tests/deidentify/test_reviewing.py, and in the demo
    )
    settings.WHITENOISE_AUTOREFRESH = True  # else every test's browser reads all static files first
    settings.MEDIA_ROOT = tmp_path / "documents"
    settings.SLIDE_ROOT = tmp_path / "slides"
    settings.SNAPSHOT_ROOT = tmp_path / "snapshots"
    settings.DEIDENTIFIED_ROOT = tmp_path / "deidentified"
    settings.RELEASE_ROOT = tmp_path / "releases"
    settings.IMPORT_ROOT = tmp_path / "import"


def person(role: str) -> User:
    """The person of this role, made once per test; `stranger` may log in and has no role."""
    user, new = User.objects.get_or_create(username=role, defaults={"first_name": role.capitalize()})
    if new and role in Role.values:
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


@pytest.fixture
def technician(db: None) -> User:
    return person(Role.TECHNICIAN)


@pytest.fixture
def pathologist(db: None) -> User:
    return person(Role.PATHOLOGIST)


@pytest.fixture
def manager(db: None) -> User:
    return person(Role.MANAGER)


@pytest.fixture
def steward(db: None) -> User:
    return person(Role.STEWARD)


@pytest.fixture
def administrator(db: None) -> User:
    return person(Role.ADMINISTRATOR)


@pytest.fixture
def stranger(db: None) -> User:
    return person("stranger")


@pytest.fixture
def client_of(db: None) -> Callable[[str], Client]:
    """`client_of("technician")`: that person's browser; `"anonymous"`: nobody logged in."""

    def make(role: str) -> Client:
        client = Client()
        if role != "anonymous":
            client.force_login(person(role), backend="django.contrib.auth.backends.ModelBackend")
        return client

    return make


@pytest.fixture
def api_of(db: None) -> Callable[[str], APIClient]:
    """The same for programs."""

    def make(role: str) -> APIClient:
        client = APIClient()
        if role != "anonymous":
            client.force_login(person(role), backend="django.contrib.auth.backends.ModelBackend")
        return client

    return make
