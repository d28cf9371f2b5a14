"""One PostgreSQL for all tests of this folder."""

import os
from collections.abc import Iterator

import pytest

from tests.postgres.server import NoPostgres, postgres


@pytest.fixture(scope="session")
def sockets() -> Iterator[str]:
    """The folder of its socket. Without PostgreSQL the tests are skipped, and with CI=true they fail."""
    server = postgres()
    try:
        found = server.__enter__()
    except NoPostgres as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    try:
        yield found
    finally:
        server.__exit__(None, None, None)
