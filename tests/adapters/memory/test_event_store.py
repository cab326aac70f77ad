from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapters.memory.store import MemoryEventStore
from tests.contracts.event_feed import EventFeedContract
from tests.contracts.event_store import SHORTLY, EventStoreContract


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def store() -> MemoryEventStore:
    return MemoryEventStore(now)


class TestMemoryEventStore(EventStoreContract):
    @pytest.fixture
    def forgetful_store(self) -> MemoryEventStore:
        return MemoryEventStore(now, timedelta(seconds=SHORTLY))


class TestMemoryEventFeed(EventFeedContract):
    @pytest.fixture
    def feed(self, store: MemoryEventStore) -> MemoryEventStore:
        return store
