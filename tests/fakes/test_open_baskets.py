from __future__ import annotations

import pytest

from tests.builders import FixedClock
from tests.contracts.catalogue_checkpoints import CatalogueCheckpointsContract
from tests.contracts.open_baskets import OpenBasketsContract, OpenBasketsPlace
from tests.fakes.basket_views import MemoryBasketViews, MemoryCatalogueReaders, MemoryOpenBaskets
from tests.fakes.event_store import InMemoryEventStore


class TestMemoryOpenBaskets(OpenBasketsContract):
    @pytest.fixture
    def place(self) -> OpenBasketsPlace:
        store, views = InMemoryEventStore(FixedClock()), MemoryBasketViews()
        return OpenBasketsPlace(views, MemoryOpenBaskets(views, store), store)


class TestMemoryCatalogueReaders(CatalogueCheckpointsContract):
    @pytest.fixture
    def readers(self) -> MemoryCatalogueReaders:
        return MemoryCatalogueReaders()
