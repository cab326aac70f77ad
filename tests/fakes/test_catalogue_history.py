from __future__ import annotations

import pytest

from tests.contracts.catalogue_history import CatalogueHistoryContract, Learning
from tests.fakes.catalogue import InMemoryCatalogue


class TestInMemoryCatalogueHistory(CatalogueHistoryContract):
    @pytest.fixture
    def learning(self) -> Learning:
        facts = InMemoryCatalogue()
        return Learning(facts, facts)
