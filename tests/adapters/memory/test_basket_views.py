from __future__ import annotations

import pytest

from adapters.memory.basket_views import MemoryBasketViews
from tests.contracts.basket_views import BasketViewsContract


class TestMemoryBasketViews(BasketViewsContract):
    @pytest.fixture
    def views(self) -> MemoryBasketViews:
        return MemoryBasketViews()
