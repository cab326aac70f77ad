from __future__ import annotations

import pytest

from adapters.memory.basket_finder import MemoryBasketFinder
from adapters.memory.basket_views import MemoryBasketViews
from tests.contracts.basket_finder import BasketFinderContract, Place


class TestMemoryBasketFinder(BasketFinderContract):
    @pytest.fixture
    def place(self) -> Place:
        views = MemoryBasketViews()
        return Place(views, MemoryBasketFinder(views))
