from __future__ import annotations

import pytest

from tests.contracts.basket_search import BasketFinderContract, Place
from tests.fakes.basket_search import MemoryBasketSearch
from tests.fakes.basket_views import MemoryBasketViews


class TestMemoryBasketFinder(BasketFinderContract):
    @pytest.fixture
    def place(self) -> Place:
        views = MemoryBasketViews()
        return Place(views, MemoryBasketSearch(views))
