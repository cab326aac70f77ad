"""What the migration to partner prices and periods of availability does with facts that were recorded before it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import asyncpg

from adapters.postgres import migrations
from adapters.postgres.catalogue.catalogue import PostgresCatalogue
from adapters.postgres.catalogue.fact_tables import FactRow, project, record
from adapters.postgres.pool import DatabasePool
from adapters.postgres.rebuild.projection_audit import PostgresProjectionAudit
from domain.catalogue.facts import Fact
from domain.operators.verify.catalogue_checks import CatalogueVerifier
from domain.shared.values import MessageSource
from tests.builders import NOW, SECOND, availability, offer, price, ref
from tests.contracts.catalogue import GB, GLOBEX, sourced
from tests.rebuild_steps import rebuild_all, rebuilds_of

SCRIPT = (Path(migrations.__file__).parent / "versions" / "0024_partner_prices_and_timed_availability.sql").read_text()

# Takes from the tables what the migration brings, and leaves a generation that a rebuild keeps.
TAKE_BACK = """
ALTER TABLE catalogue_prices DROP COLUMN partner;
ALTER TABLE catalogue_availability DROP COLUMN valid_until;
CREATE TABLE checkout_kept.catalogue_prices (LIKE public.catalogue_prices INCLUDING ALL);
CREATE TABLE checkout_kept.catalogue_availability (LIKE public.catalogue_availability INCLUDING ALL);
"""

COLUMNS = """
SELECT table_schema FROM information_schema.columns
 WHERE (table_name, column_name) IN (('catalogue_prices', 'partner'), ('catalogue_availability', 'valid_until'))
 ORDER BY table_schema
"""

DOCUMENTS = "SELECT convert_from(data, 'UTF8') FROM catalogue_facts ORDER BY position"

SAID: list[Fact] = [
    offer("o-1", products=["SKU-1"]),
    price("o-1", "10.00", country="GB", valid_until=NOW + 9 * SECOND),
    price("o-1", "9.00"),
    availability("SKU-1", quantity=5, partner="globex"),
]


def as_before(fact: Fact) -> str:
    """The document as an earlier release recorded it."""
    document: dict[str, Any] = json.loads(fact.model_dump_json())
    if fact.kind == "price":
        del document["partner"]
    if fact.kind == "availability":
        del document["validFrom"], document["validUntil"]
    for product in document.get("products", ()):
        del product["quantity"]
    return json.dumps(document, separators=(",", ":"))


async def test_facts_recorded_before_it_stay_as_they_are(
    database: DatabasePool, connection: asyncpg.Connection
) -> None:
    rows = [FactRow.of(fact, MessageSource("t", 0, at), as_before(fact)) for at, fact in enumerate(SAID)]
    async with connection.transaction():
        await record(connection, rows)
        await project(connection, rows)
        await connection.execute(TAKE_BACK)
        await connection.execute(SCRIPT)
    assert [row[0] for row in await connection.fetch(COLUMNS)] == ["checkout_kept"] * 2 + ["public"] * 2
    await connection.execute("DROP TABLE checkout_kept.catalogue_prices, checkout_kept.catalogue_availability")

    facts = PostgresCatalogue(database, 1)
    again = await facts.record(sourced(SAID))
    assert (again.new, again.known, again.contradicts) == (0, len(SAID), ())
    catalogue = await facts.catalogue(["o-1"], [], fresh=True, at=NOW)
    assert catalogue.offer(ref("o-1")) == SAID[0]
    assert [catalogue.price(ref("o-1"), market, NOW).current for market in (GB, GLOBEX)] == [SAID[1]] * 2
    assert [catalogue.availability("SKU-1", market, NOW) for market in (GB, GLOBEX)] == [None, SAID[3]]
    assert [row[0] for row in await connection.fetch(DOCUMENTS)] == [as_before(fact) for fact in SAID]


async def test_a_rebuild_after_it_finds_no_difference(database: DatabasePool, connection: asyncpg.Connection) -> None:
    rows = [FactRow.of(fact, MessageSource("t", 0, at), as_before(fact)) for at, fact in enumerate(SAID)]
    async with connection.transaction():
        await record(connection, rows)
        await project(connection, rows)
    new = price("o-1", "8.00", partner="northwind")
    await PostgresCatalogue(database, 1).record(sourced([new, availability("SKU-1", valid_from=NOW)]))

    _, comparison = await rebuild_all(rebuilds_of(database), "catalogue")

    assert (comparison.same, comparison.faults) == (len(SAID) + 2, 0)
    assert await CatalogueVerifier(PostgresProjectionAudit(database)).verify() == []
