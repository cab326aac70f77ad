from __future__ import annotations

import pytest

from adapters.memory.basket_views import MemoryBasketViews, MemoryCatalogueReaders, MemoryOpenBaskets
from adapters.memory.store import MemoryEventStore
from tests.builders import FixedClock
from tests.contracts.catalogue_readers import CatalogueReadersContract
from tests.contracts.open_baskets import OpenBasketsContract, Place


class TestMemoryOpenBaskets(OpenBasketsContract):
    @pytest.fixture
    def place(self) -> Place:
        store, views = MemoryEventStore(FixedClock()), MemoryBasketViews()
        return Place(views, MemoryOpenBaskets(views, store), store)


class TestMemoryCatalogueReaders(CatalogueReadersContract):
    @pytest.fixture
    def readers(self) -> MemoryCatalogueReaders:
        return MemoryCatalogueReaders()
