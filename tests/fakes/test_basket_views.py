from __future__ import annotations

import pytest

from tests.contracts.basket_views import BasketViewsContract
from tests.fakes.basket_views import InMemoryBasketViews


class TestInMemoryBasketViews(BasketViewsContract):
    @pytest.fixture
    def views(self) -> InMemoryBasketViews:
        return InMemoryBasketViews()
