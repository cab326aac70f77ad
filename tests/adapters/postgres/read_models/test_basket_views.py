from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from domain.shared.errors import StoreUnavailable
from tests.contracts.basket_views import BasketViewsContract


class TestPostgresBasketViews(BasketViewsContract):
    @pytest.fixture
    async def views(self, database_url: str) -> AsyncIterator[PostgresBasketViews]:
        database = DatabasePool(database_url)
        yield PostgresBasketViews(database)
        await database.close()


async def test_views_raise_while_the_store_is_away() -> None:
    database = DatabasePool("postgresql://postgres@127.0.0.1:1/none", timeout=1.0)
    with pytest.raises(StoreUnavailable):
        await PostgresBasketViews(database).versions(["basket-1"])
    await database.close()
