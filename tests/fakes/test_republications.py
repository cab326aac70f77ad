from __future__ import annotations

import pytest

from tests.contracts.audit import NOON
from tests.contracts.republications import RepublicationsContract
from tests.fakes.event_store import InMemoryEventStore
from tests.fakes.republications import InMemoryRepublications


class TestMemoryRepublications(RepublicationsContract):
    @pytest.fixture
    def store(self) -> InMemoryEventStore:
        return InMemoryEventStore(lambda: NOON)

    @pytest.fixture
    def feed(self, store: InMemoryEventStore) -> InMemoryEventStore:
        return store

    @pytest.fixture
    def runs(self, store: InMemoryEventStore) -> InMemoryRepublications:
        return InMemoryRepublications(store)
