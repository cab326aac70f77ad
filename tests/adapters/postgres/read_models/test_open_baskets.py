from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.postgres import migrations
from adapters.postgres.catalogue.history import PostgresCatalogueCheckpoints
from adapters.postgres.pool import DatabasePool
from adapters.postgres.read_models.basket_views import PostgresBasketViews
from adapters.postgres.read_models.open_baskets import PostgresOpenBaskets
from domain.basket.basket_view import to_view
from tests.builders import basket, line
from tests.contracts.catalogue import unique
from tests.contracts.catalogue_checkpoints import CatalogueCheckpointsContract
from tests.contracts.open_baskets import OpenBasketsContract, OpenBasketsPlace
from tests.workers.worker_processes import event_store


class TestPostgresOpenBaskets(OpenBasketsContract):
    @pytest.fixture
    async def place(self, database: DatabasePool, database_url: str) -> AsyncIterator[OpenBasketsPlace]:
        async with event_store(database_url) as store:
            yield OpenBasketsPlace(PostgresBasketViews(database), PostgresOpenBaskets(database), store)


class TestPostgresCatalogueCheckpoints(CatalogueCheckpointsContract):
    @pytest.fixture
    def readers(self, database: DatabasePool) -> PostgresCatalogueCheckpoints:
        return PostgresCatalogueCheckpoints(database)


async def test_the_migration_adds_the_references_of_existing_baskets(database: DatabasePool) -> None:
    made = basket(
        line("line-1", "o/1", products=["SKU-1", "SKU-2"]),
        line("line-2", "o-2", products=[]),
        id=f"basket-{unique('x')}",
    )
    empty = basket(id=f"basket-{unique('x')}")
    views = PostgresBasketViews(database)
    await views.advance([(0, to_view(made)), (0, to_view(empty))])
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
    script = Path(migrations.__file__).parent / "versions" / "0005_revalidation.sql"
    return script.read_text(encoding="utf-8").partition("-- The references of existing baskets.")[2]
