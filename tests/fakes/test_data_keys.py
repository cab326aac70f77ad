from __future__ import annotations

import pytest

from tests.contracts.data_keys import DataKeysContract, Destroy
from tests.fakes.data_keys import InMemoryDataKeys


class TestInMemoryDataKeys(DataKeysContract):
    @pytest.fixture
    def keys(self) -> InMemoryDataKeys:
        return InMemoryDataKeys()

    @pytest.fixture
    def destroy(self, keys: InMemoryDataKeys) -> Destroy:
        async def destroy(basket_id: str, version: int) -> None:
            keys.destroy(basket_id, version)

        return destroy
