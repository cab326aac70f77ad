from __future__ import annotations

from collections.abc import Sequence

import pytest

from domain.operators.audit import OperatorAction
from tests.builders import InMemoryCheckout
from tests.contracts.read_model_audit import AuditedStore, ReadModelAuditContract
from tests.fakes.basket_views import InMemoryBasketViews
from tests.fakes.read_model_audit import InMemoryReadModelAudit


class TestInMemoryReadModelAudit(ReadModelAuditContract):
    @pytest.fixture
    def derived(self) -> AuditedStore:
        checkout, views = InMemoryCheckout(), InMemoryBasketViews()
        memory = InMemoryReadModelAudit(checkout.store, views)
        return AuditedStore(memory, memory, checkout.store, views, checkout.handlers, lambda: memory.actions)

    async def actions(self, derived: AuditedStore) -> Sequence[OperatorAction]:
        assert isinstance(derived.repair, InMemoryReadModelAudit)
        return derived.repair.actions
