"""What the migration to findable baskets does with the baskets that are there already."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from adapters.postgres import migrations
from tests.builders import add, availability, caller, initiate, item, offer, policy, price, validate
from tests.builders.shop import Shop, open_shop

SCRIPT = (Path(migrations.__file__).parent / "versions" / "0008_basket_search.sql").read_text(encoding="utf-8")
LIST_SCRIPT = (Path(migrations.__file__).parent / "versions" / "0023_basket_list.sql").read_text(encoding="utf-8")
"""The later migration that changes the table's indexes."""
FILLING = SCRIPT.partition("DROP TABLE basket_views;")[0]

# Everything that a row says.
ROWS = "SELECT * FROM basket_views ORDER BY basket_id"

# By name, so that later statements can speak of them.
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'basket_views' ORDER BY indexname"

# Takes from the table what the migration brings. The indexes on the columns go with them, the others do not.
TAKE_COLUMNS = """
ALTER TABLE basket_views DROP COLUMN ready, DROP COLUMN offers, DROP COLUMN products, DROP COLUMN finding_codes;
DROP INDEX basket_views_newest, basket_views_of_a_partner, basket_views_of_a_status,
           basket_views_by_external_id, basket_views_by_time_of_change;
DROP INDEX basket_views_of_a_partner_by_status, basket_views_of_a_partner_by_change;
"""


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    """Baskets of every kind, in the views."""
    async with open_shop(database_url) as shop:
        await shop.record(
            offer("o-1", products=["SKU-2", "SKU-1"]),
            offer("o-2", products=["SKU-2"]),
            price("o-1"),
            availability("SKU-1", status="blocked"),
            policy("bolt", checks={"price_missing": "warning"}),
        )
        await shop.project((await shop.handlers.initiate(initiate(), caller())).basket.id)
        never_judged = await shop.fill(item("o-2"), item("o-1"), item("o-none"))
        judged = [await shop.fill(item("o-2"), partner=partner) for partner in ("acme", "bolt")]
        for basket in judged:
            await shop.judge(basket)
        await shop.change(judged[0], add("o-1", 3))
        await shop.judge(judged[0])
        # The view of this one lags behind its verdict.
        await shop.handlers.validate(validate(never_judged.id), caller())
        ended = await shop.fill(item("o-1", 2))
        await shop.judge(ended)
        await shop.handlers.complete(ended.id, "order-1", caller())
        await shop.project(ended.id)
        yield shop


async def test_baskets_that_are_there_are_found_as_those_that_come(shop: Shop, connection: asyncpg.Connection) -> None:
    kept, indexes = await connection.fetch(ROWS), await connection.fetch(INDEXES)
    assert {code for row in kept for code in row["finding_codes"]} >= {"product_blocked", "price_missing"}
    await take_back(connection)
    await connection.execute("GRANT SELECT ON basket_views TO PUBLIC")

    async with connection.transaction():
        await connection.execute(SCRIPT)
        await connection.execute(LIST_SCRIPT)

    assert await connection.fetch(ROWS) == kept
    assert await connection.fetch(INDEXES) == indexes
    assert "=r/" in str(await connection.fetchval(GRANTS))


# Who may see the table.
GRANTS = "SELECT relacl::text FROM pg_class WHERE oid = 'basket_views'::regclass"


async def test_baskets_are_read_while_it_fills_the_table(shop: Shop, connection: asyncpg.Connection) -> None:
    await take_back(connection)
    (basket_id,) = {row["basket_id"] for row in (await connection.fetch(ROWS))[:1]}

    async with connection.transaction():
        await connection.execute(FILLING)
        async with asyncio.timeout(10):
            assert (await shop.store.read_stream(basket_id)).snapshot
        await connection.execute(SCRIPT.removeprefix(FILLING))

    assert (await shop.store.read_stream(basket_id)).snapshot


async def take_back(connection: asyncpg.Connection) -> None:
    """Makes the table what it was before the migration."""
    for row in await connection.fetch(ROWS):
        before = re.sub(rb',"findingCodes":\[[^]]*\]\}$', b"}", row["snapshot"])
        assert before != row["snapshot"]
        await connection.execute("UPDATE basket_views SET snapshot = $1 WHERE basket_id = $2", before, row["basket_id"])
    await connection.execute(TAKE_COLUMNS)
