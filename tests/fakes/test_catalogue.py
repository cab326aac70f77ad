from __future__ import annotations

import pytest

from tests.contracts.catalogue import CatalogueFactsContract
from tests.fakes.catalogue import InMemoryCatalogue


class TestInMemoryCatalogueFacts(CatalogueFactsContract):
    @pytest.fixture
    def facts(self) -> InMemoryCatalogue:
        return InMemoryCatalogue()
