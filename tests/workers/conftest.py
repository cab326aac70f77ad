from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.roles import Role
from adapters.settings import Settings
from tests.basket_traffic import BasketTraffic
from tests.contracts.catalogue import unique
from tests.workers.command_gateway import CommandGateway, command_worker
from tests.workers.running_worker import RecordedDeadLetters, ready_worker
from tests.workers.worker_processes import event_store


@pytest.fixture(scope="session")
def database_role() -> Role:
    return "worker"


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[PostgresEventStore]:
    async with event_store(database_url) as store:
        yield store


@pytest.fixture
async def partner(store: PostgresEventStore) -> BasketTraffic:
    return await BasketTraffic(store).knows_a_catalogue()


@pytest.fixture
def group() -> str:
    return f"views-{uuid.uuid4().hex}"


@pytest.fixture
def letters() -> RecordedDeadLetters:
    return RecordedDeadLetters()


@pytest.fixture
def gateway(settings: Settings) -> CommandGateway:
    return CommandGateway(settings)


@pytest.fixture
async def working(settings: Settings, letters: RecordedDeadLetters) -> AsyncIterator[None]:
    """A command worker that runs."""
    async with command_worker(settings, unique("commands"), letters=letters) as worker, ready_worker(worker):
        yield
