from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.contracts.ended_basket_feed import EndedBasketFeedContract
from tests.contracts.event_feed import EventFeedContract
from tests.contracts.event_store import SHORTLY, EventStoreContract
from tests.fakes.event_store import InMemoryEventStore


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def store() -> InMemoryEventStore:
    return InMemoryEventStore(now)


class TestInMemoryEventStore(EventStoreContract):
    @pytest.fixture
    def forgetful_store(self) -> InMemoryEventStore:
        return InMemoryEventStore(now, timedelta(seconds=SHORTLY))


class TestInMemoryEventFeed(EventFeedContract, EndedBasketFeedContract):
    @pytest.fixture
    def feed(self, store: InMemoryEventStore) -> InMemoryEventStore:
        return store
