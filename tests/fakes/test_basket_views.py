from __future__ import annotations

import pytest

from tests.contracts.basket_views import BasketViewsContract
from tests.fakes.basket_views import MemoryBasketViews


class TestMemoryBasketViews(BasketViewsContract):
    @pytest.fixture
    def views(self) -> MemoryBasketViews:
        return MemoryBasketViews()
