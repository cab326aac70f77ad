from __future__ import annotations

import pytest

from tests.contracts.basket_search import BasketSearchContract, BasketSearchFixture
from tests.fakes.basket_search import MemoryBasketSearch
from tests.fakes.basket_views import MemoryBasketViews


class TestMemoryBasketSearch(BasketSearchContract):
    @pytest.fixture
    def place(self) -> BasketSearchFixture:
        views = MemoryBasketViews()
        return BasketSearchFixture(views, MemoryBasketSearch(views))
