from __future__ import annotations

import pytest

from adapters.memory.catalogue import MemoryCatalogueFacts
from tests.contracts.catalogue_facts import CatalogueFactsContract


class TestMemoryCatalogueFacts(CatalogueFactsContract):
    @pytest.fixture
    def facts(self) -> MemoryCatalogueFacts:
        return MemoryCatalogueFacts()
