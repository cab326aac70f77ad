from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.roles import Role
from tests.streaming import Partner
from tests.workers.running import event_store


@pytest.fixture(scope="session")
def database_role() -> Role:
    return "worker"


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[PostgresEventStore]:
    async with event_store(database_url) as store:
        yield store


@pytest.fixture
async def partner(store: PostgresEventStore) -> Partner:
    return await Partner(store).knows_a_catalogue()


@pytest.fixture
def group() -> str:
    return f"views-{uuid.uuid4().hex}"
