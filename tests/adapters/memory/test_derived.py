from __future__ import annotations

from collections.abc import Sequence

import pytest

from adapters.memory.basket_views import MemoryBasketViews
from adapters.memory.derived import MemoryDerived
from domain.operating.actions import OperatorAction
from tests.builders import Checkout
from tests.contracts.derived import Derived, DerivedContract


class TestMemoryDerived(DerivedContract):
    @pytest.fixture
    def derived(self) -> Derived:
        checkout, views = Checkout(), MemoryBasketViews()
        memory = MemoryDerived(checkout.store, views)
        return Derived(memory, memory, checkout.store, views, checkout.handlers, lambda: memory.actions)

    async def actions(self, derived: Derived) -> Sequence[OperatorAction]:
        assert isinstance(derived.repair, MemoryDerived)
        return derived.repair.actions
