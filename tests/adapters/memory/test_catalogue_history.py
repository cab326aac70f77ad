from __future__ import annotations

import pytest

from adapters.memory.catalogue import MemoryCatalogueFacts
from tests.contracts.catalogue_history import CatalogueHistoryContract, Learning


class TestMemoryCatalogueHistory(CatalogueHistoryContract):
    @pytest.fixture
    def learning(self) -> Learning:
        facts = MemoryCatalogueFacts()
        return Learning(facts, facts)
