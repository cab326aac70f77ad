from __future__ import annotations

import pytest

from tests.contracts.data_keys import DataKeysContract, Destroy
from tests.fakes.data_keys import MemoryDataKeys


class TestMemoryDataKeys(DataKeysContract):
    @pytest.fixture
    def keys(self) -> MemoryDataKeys:
        return MemoryDataKeys()

    @pytest.fixture
    def destroy(self, keys: MemoryDataKeys) -> Destroy:
        async def destroy(basket_id: str, version: int) -> None:
            keys.destroy(basket_id, version)

        return destroy
