"""The stores in PostgreSQL pass their suites with encryption too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.encryption.keys import MasterKeys
from adapters.encryption.personal_data import PersonalDataCipher
from adapters.encryption.stores import DecryptedEventFeed, EncryptedBasketViews, EncryptedEventStore
from adapters.postgres.event_store.feed import PostgresEventFeed
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from adapters.system import new_id
from tests.adapters.encryption.encrypted_store import a_master_key
from tests.adapters.postgres.conftest import DAY
from tests.contracts.basket_views import BasketViewsContract
from tests.contracts.event_feed import EventFeedContract
from tests.contracts.event_store import SHORTLY, EventStoreContract
from tests.fakes.data_keys import InMemoryDataKeys


@pytest.fixture
def privacy() -> PersonalDataCipher:
    return PersonalDataCipher(InMemoryDataKeys(), MasterKeys([a_master_key()]), new_id)


@pytest.fixture
async def store(database: DatabasePool, privacy: PersonalDataCipher) -> AsyncIterator[EncryptedEventStore]:
    async with PostgresEventStore(database, timeout=10, answers_kept=DAY) as stored:
        yield EncryptedEventStore(stored, privacy)


class TestEncryptedPostgresEventStore(EventStoreContract):
    @pytest.fixture
    async def forgetful_store(
        self, database: DatabasePool, privacy: PersonalDataCipher
    ) -> AsyncIterator[EncryptedEventStore]:
        kept = timedelta(seconds=SHORTLY)
        async with PostgresEventStore(database, timeout=10, answers_kept=kept) as stored:
            yield EncryptedEventStore(stored, privacy)


class TestDecryptedPostgresEventFeed(EventFeedContract):
    @pytest.fixture
    def feed(self, feed: PostgresEventFeed, privacy: PersonalDataCipher) -> DecryptedEventFeed:
        return DecryptedEventFeed(feed, privacy)


class TestEncryptedPostgresBasketViews(BasketViewsContract):
    @pytest.fixture
    def views(self, database: DatabasePool, privacy: PersonalDataCipher) -> EncryptedBasketViews:
        return EncryptedBasketViews(PostgresBasketViews(database), privacy)
