"""The stores of PostgreSQL with sealing on promise what they promise without."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.memory.data_keys import MemoryDataKeys
from adapters.postgres.basket_views import PostgresBasketViews
from adapters.postgres.database import Database
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.feed import PostgresEventFeed
from adapters.privacy.master_keys import MasterKeys
from adapters.privacy.personal_data import PersonalData
from adapters.privacy.stores import OpenedEventFeed, SealedBasketViews, SealedEventStore
from tests.adapters.postgres.conftest import DAY
from tests.adapters.privacy.sealing import a_master_key, new_id
from tests.contracts.basket_views import BasketViewsContract
from tests.contracts.event_feed import EventFeedContract
from tests.contracts.event_store import SHORTLY, EventStoreContract


@pytest.fixture
def privacy() -> PersonalData:
    return PersonalData(MemoryDataKeys(), MasterKeys([a_master_key()]), new_id)


@pytest.fixture
async def store(database: Database, privacy: PersonalData) -> AsyncIterator[SealedEventStore]:
    async with PostgresEventStore(database, timeout=10, answers_kept=DAY) as stored:
        yield SealedEventStore(stored, privacy)


class TestSealedPostgresEventStore(EventStoreContract):
    @pytest.fixture
    async def forgetful_store(
        self, database: Database, privacy: PersonalData
    ) -> AsyncIterator[SealedEventStore]:
        kept = timedelta(seconds=SHORTLY)
        async with PostgresEventStore(database, timeout=10, answers_kept=kept) as stored:
            yield SealedEventStore(stored, privacy)


class TestOpenedPostgresEventFeed(EventFeedContract):
    @pytest.fixture
    def feed(self, feed: PostgresEventFeed, privacy: PersonalData) -> OpenedEventFeed:
        return OpenedEventFeed(feed, privacy)


class TestSealedPostgresBasketViews(BasketViewsContract):
    @pytest.fixture
    def views(self, database: Database, privacy: PersonalData) -> SealedBasketViews:
        return SealedBasketViews(PostgresBasketViews(database), privacy)
