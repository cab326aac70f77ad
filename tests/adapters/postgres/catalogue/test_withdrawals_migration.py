"""What the migration to withdrawals does with facts that were learned before it."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from adapters.postgres import migrations
from adapters.postgres.catalogue.catalogue import PostgresCatalogue
from adapters.postgres.pool import DatabasePool
from domain.catalogue.facts import Fact
from tests.builders import NOW, availability, offer, policy, price, ref
from tests.contracts.catalogue import GB, sourced, tombstone

SCRIPT = (Path(migrations.__file__).parent / "versions" / "0017_withdrawals.sql").read_text(encoding="utf-8")

# Takes from the tables what the migration brings.
TAKE_BACK = """
DROP VIEW readable_catalogue_facts;
ALTER TABLE catalogue_facts DROP COLUMN epoch;
ALTER TABLE catalogue_offers DROP COLUMN epoch;
ALTER TABLE catalogue_prices DROP COLUMN epoch;
ALTER TABLE catalogue_availability DROP COLUMN epoch;
ALTER TABLE catalogue_policies DROP COLUMN epoch;
DROP TABLE catalogue_keys, catalogue_sources;
"""


async def test_older_facts_are_withdrawn_by_the_keys_that_loads_used_then(
    database: DatabasePool, connection: asyncpg.Connection
) -> None:
    facts = PostgresCatalogue(database, 1)
    said: list[Fact] = [
        *(offer("o/1"), offer("o/1@v-2"), offer("o-2")),
        *(price("o/1"), price("o/1", country="GB"), price("o-2")),
        *(availability("SKU/1"), availability("SKU/1", country="GB"), availability("SKU-2")),
        *(policy("a/b"), policy("acme")),
    ]
    await facts.record(sourced(said))
    async with connection.transaction():
        await connection.execute(TAKE_BACK)
        await connection.execute(SCRIPT)

    outcome = await facts.record(
        [
            *(tombstone("offer", "o/1"), tombstone("price", "o/1")),
            *(tombstone("availability", "SKU/1"), tombstone("policy", "a%2Fb")),
        ]
    )

    catalogue = await facts.catalogue(["o/1", "o-2"], ["SKU/1", "SKU-2"], fresh=True, partner="acme")
    assert (outcome.withdrawn, outcome.idle) == (2 + 2 + 2 + 1, ())
    assert {(fact.id, fact.status) for fact in catalogue.offers()} == {
        ("o/1", "withdrawn"),
        ("o-2", "published"),
    }
    assert catalogue.price(ref("o/1"), GB, NOW).fact is None
    assert catalogue.price(ref("o-2"), GB, NOW).current == price("o-2")
    assert catalogue.availability("SKU/1", GB, NOW) is None
    assert catalogue.availability("SKU-2", GB, NOW) == availability("SKU-2")
    assert catalogue.policies("acme") == (policy("acme"),)
