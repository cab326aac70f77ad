from __future__ import annotations

import pytest

from tests.contracts.basket_search import BasketSearchContract, BasketSearchFixture
from tests.fakes.basket_search import InMemoryBasketSearch
from tests.fakes.basket_views import InMemoryBasketViews


class TestInMemoryBasketSearch(BasketSearchContract):
    @pytest.fixture
    def place(self) -> BasketSearchFixture:
        views = InMemoryBasketViews()
        return BasketSearchFixture(views, InMemoryBasketSearch(views))
