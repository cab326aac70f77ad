from __future__ import annotations

import pytest

from tests.contracts.republications import RepublicationsContract
from tests.fakes.republications import InMemoryRepublications


class TestInMemoryRepublications(RepublicationsContract):
    @pytest.fixture
    def runs(self) -> InMemoryRepublications:
        return InMemoryRepublications()
