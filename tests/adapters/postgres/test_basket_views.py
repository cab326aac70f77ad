from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.postgres.basket_views import PostgresBasketViews
from adapters.postgres.database import Database
from domain.errors import StoreUnavailable
from tests.contracts.basket_views import BasketViewsContract


class TestPostgresBasketViews(BasketViewsContract):
    @pytest.fixture
    async def views(self, database_url: str) -> AsyncIterator[PostgresBasketViews]:
        database = Database(database_url)
        yield PostgresBasketViews(database)
        await database.close()


async def test_views_say_that_the_store_is_away() -> None:
    database = Database("postgresql://postgres@127.0.0.1:1/none", timeout=1.0)
    with pytest.raises(StoreUnavailable):
        await PostgresBasketViews(database).versions(["basket-1"])
    await database.close()
