"""One operator API for each module, and an operator's client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.operators.operator_api import OperatorApiFixture, open_operator_api
from tests.api.service import settings_in
from tests.servers.postgres import Databases


@pytest.fixture(scope="module")
async def api(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OperatorApiFixture]:
    url = await databases.fresh("operator")
    async with open_operator_api(settings_in(tmp_path_factory.mktemp("issuer"), database_url=url)) as api:
        yield api
    await databases.drop(url)


@pytest.fixture
async def operator(api: OperatorApiFixture) -> AsyncIterator[httpx.AsyncClient]:
    async with api.operator() as client:
        yield client
