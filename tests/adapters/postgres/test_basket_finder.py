from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.postgres.basket_finder import PostgresBasketFinder
from adapters.postgres.basket_views import PostgresBasketViews
from adapters.postgres.database import Database
from domain.errors import StoreUnavailable
from domain.operating.finding import BasketQuery
from tests.contracts.basket_finder import BasketFinderContract, Place


class TestPostgresBasketFinder(BasketFinderContract):
    @pytest.fixture
    async def place(self, database: Database) -> AsyncIterator[Place]:
        finder = PostgresBasketFinder(database)
        yield Place(PostgresBasketViews(database), finder)
        await finder.close()


async def test_the_finder_says_that_the_store_is_away() -> None:
    finder = PostgresBasketFinder(Database("postgresql://postgres@127.0.0.1:1/none", timeout=1.0))
    with pytest.raises(StoreUnavailable):
        await finder.find(BasketQuery())
    await finder.close()
