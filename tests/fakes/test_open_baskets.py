from __future__ import annotations

import pytest

from tests.builders import FixedClock
from tests.contracts.catalogue_checkpoints import CatalogueCheckpointsContract
from tests.contracts.open_baskets import OpenBasketsContract, OpenBasketsPlace
from tests.fakes.basket_views import InMemoryBasketViews, InMemoryCatalogueCheckpoints, InMemoryOpenBaskets
from tests.fakes.event_store import InMemoryEventStore


class TestInMemoryOpenBaskets(OpenBasketsContract):
    @pytest.fixture
    def place(self) -> OpenBasketsPlace:
        store, views = InMemoryEventStore(FixedClock()), InMemoryBasketViews()
        return OpenBasketsPlace(views, InMemoryOpenBaskets(views, store), store)


class TestInMemoryCatalogueCheckpoints(CatalogueCheckpointsContract):
    @pytest.fixture
    def readers(self) -> InMemoryCatalogueCheckpoints:
        return InMemoryCatalogueCheckpoints()
