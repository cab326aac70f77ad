from __future__ import annotations

import pytest

from adapters.memory.republications import MemoryRepublications
from adapters.memory.store import MemoryEventStore
from tests.contracts.operator_actions import NOON
from tests.contracts.republications import RepublicationsContract


class TestMemoryRepublications(RepublicationsContract):
    @pytest.fixture
    def store(self) -> MemoryEventStore:
        return MemoryEventStore(lambda: NOON)

    @pytest.fixture
    def feed(self, store: MemoryEventStore) -> MemoryEventStore:
        return store

    @pytest.fixture
    def runs(self, store: MemoryEventStore) -> MemoryRepublications:
        return MemoryRepublications(store)
