from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.postgres.roles import Role
from adapters.settings import Settings
from tests.cli.dead_letter_setup import Office, open_office


@pytest.fixture(scope="session")
def database_role() -> Role:
    return "operator"


@pytest.fixture
async def office(settings: Settings) -> AsyncIterator[Office]:
    async with open_office(settings) as office:
        yield office
