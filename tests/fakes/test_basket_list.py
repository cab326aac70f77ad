from __future__ import annotations

import pytest

from tests.contracts.basket_list import BasketListContract, BasketListFixture
from tests.fakes.basket_list import InMemoryBasketList
from tests.fakes.basket_views import InMemoryBasketViews


class TestInMemoryBasketList(BasketListContract):
    @pytest.fixture
    def place(self) -> BasketListFixture:
        views = InMemoryBasketViews()
        return BasketListFixture(views, InMemoryBasketList(views))
