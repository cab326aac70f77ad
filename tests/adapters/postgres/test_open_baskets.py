from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.postgres import migrations
from adapters.postgres.basket_views import PostgresBasketViews
from adapters.postgres.catalogue_readers import PostgresCatalogueReaders
from adapters.postgres.database import Database
from adapters.postgres.open_baskets import PostgresOpenBaskets
from domain.basket.projection import view_of
from tests.builders import basket, line
from tests.contracts.catalogue_facts import unique
from tests.contracts.catalogue_readers import CatalogueReadersContract
from tests.contracts.open_baskets import OpenBasketsContract, Place
from tests.workers.running import event_store


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url)
    yield made
    await made.close()


class TestPostgresOpenBaskets(OpenBasketsContract):
    @pytest.fixture
    async def place(self, database: Database, database_url: str) -> AsyncIterator[Place]:
        async with event_store(database_url) as store:
            yield Place(PostgresBasketViews(database), PostgresOpenBaskets(database), store)


class TestPostgresCatalogueReaders(CatalogueReadersContract):
    @pytest.fixture
    def readers(self, database: Database) -> PostgresCatalogueReaders:
        return PostgresCatalogueReaders(database)


async def test_the_migration_finds_what_the_baskets_that_are_there_use(database: Database) -> None:
    made = basket(
        line("line-1", "o/1", products=["SKU-1", "SKU-2"]),
        line("line-2", "o-2", products=[]),
        id=f"basket-{unique('x')}",
    )
    empty = basket(id=f"basket-{unique('x')}")
    views = PostgresBasketViews(database)
    await views.advance([(0, view_of(made)), (0, view_of(empty))])
    async with database.connection() as connection:
        kept = await connection.fetch(ALL_USES)
        await connection.execute("DELETE FROM open_basket_uses")
        await connection.execute(backfill())
        found = await connection.fetch(ALL_USES)

    assert len(kept) == 2 + 4 + 2
    assert found == kept


# Everything that baskets are found by.
ALL_USES = "SELECT basket_id, name FROM open_basket_uses ORDER BY basket_id, name"


def backfill() -> str:
    """The statement of the migration that looks at the views that are there."""
    script = Path(migrations.__file__).parent / "versions" / "0005_rejudging.sql"
    return script.read_text(encoding="utf-8").partition("-- Of the baskets that are there already.")[2]
