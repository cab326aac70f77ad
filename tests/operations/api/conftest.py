"""One desk for each module, and an operator who calls."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.service import settings_in
from tests.operations.api.desk import Desk, open_desk
from tests.parts.postgres import Databases


@pytest.fixture(scope="module")
async def desk(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    url = await databases.fresh("operator")
    async with open_desk(settings_in(tmp_path_factory.mktemp("issuer"), database_url=url)) as desk:
        yield desk
    await databases.drop(url)


@pytest.fixture
async def operator(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async with desk.operator() as client:
        yield client
