"""All tests of this folder run on the oldest PostgreSQL that the service supports."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.conftest import TEST_SERVERS
from tests.servers.installed_postgres import oldest_postgres
from tests.servers.postgres import Databases


@pytest.fixture(scope="session")
async def databases(pytestconfig: pytest.Config) -> AsyncIterator[Databases]:
    async with oldest_postgres() as server:
        pytestconfig.stash[TEST_SERVERS].append(server.description)
        databases = Databases(server.url)
        yield databases
        await databases.close()
