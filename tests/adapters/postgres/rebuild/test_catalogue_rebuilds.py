"""Rebuilds of the catalogue's projections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from adapters.postgres.catalogue.catalogue import PostgresCatalogue
from adapters.postgres.pool import DatabasePool
from adapters.postgres.rebuild.projection_audit import PostgresProjectionAudit
from adapters.postgres.rebuild.rebuilds import PostgresRebuilds
from domain.catalogue.facts import Fact
from domain.operators.verify.catalogue_checks import CatalogueVerifier
from domain.shared.values import Market
from tests.builders import NOW, availability, offer, policy, price, ref
from tests.contracts.catalogue import sourced, tombstone
from tests.rebuild_steps import OPERATOR, built, generations, names_of, rebuild_all, rebuilds_of
from tests.servers.waiting import eventually

TABLES = ["catalogue_offers", "catalogue_prices", "catalogue_availability", "catalogue_policies"]

# The content of the live projections.
LIVE = """
SELECT ARRAY(SELECT (offer_id, version, product_codes, fact_id, sequence, data)::text FROM public.catalogue_offers
              ORDER BY 1),
       ARRAY(SELECT live::text FROM public.catalogue_prices live ORDER BY 1),
       ARRAY(SELECT live::text FROM public.catalogue_availability live ORDER BY 1),
       ARRAY(SELECT live::text FROM public.catalogue_policies live ORDER BY 1)
"""


LATER = NOW + timedelta(days=7)


@pytest.fixture
async def facts(database: DatabasePool) -> AsyncIterator[PostgresCatalogue]:
    async with PostgresCatalogue(database, cache_size=100) as facts:
        await facts.record(sourced(said()))
        yield facts


@pytest.fixture
def rebuilds(database: DatabasePool) -> PostgresRebuilds:
    return rebuilds_of(database)


def said() -> list[Fact]:
    """Facts of every kind, newer ones before older ones among them."""
    return [
        *(offer(f"o-{number}", products=[f"SKU-{number}", "SKU-0"]) for number in range(30)),
        *(price(f"o-{number}", f"{number}.50", sequence=2, country="GB") for number in range(30)),
        *(price(f"o-{number}", "1.00", sequence=1, country="GB") for number in range(30)),
        *(price(f"o-{number}", "0.90", partner="acme", validUntil=NOW) for number in range(5)),
        *(availability(f"SKU-{number}", quantity=number) for number in range(30)),
        *(availability(f"SKU-{number}", quantity=0, validFrom=NOW, validUntil=LATER) for number in range(5)),
        policy("acme", maximum_lines=3),
        policy(None, sequence=7),
        policy(None, sequence=4, maximum_lines=9),
    ]


async def test_rebuilt_projections_equal_the_live_ones(
    facts: PostgresCatalogue, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    before, names = await connection.fetchrow(LIVE), await names_of(connection, TABLES)

    ended, comparison = await rebuild_all(rebuilds, "catalogue")

    assert (ended.state, ended.done) == ("switched", len(said()))
    assert (comparison.same, comparison.faults) == (30 + 30 + 5 + 30 + 5 + 2, 0)
    assert await connection.fetchrow(LIVE) == before
    assert await names_of(connection, TABLES) == names
    assert await generations(connection, "catalogue_prices") == {"public", "checkout_kept"}


async def test_withdrawn_facts_stay_withdrawn_in_rebuilt_projections_and_later_ones_count(
    facts: PostgresCatalogue,
    rebuilds: PostgresRebuilds,
    connection: asyncpg.Connection,
    database: DatabasePool,
) -> None:
    gone, again = ["o-1", "o-2", "o-3"], price("o-1", "0.50", sequence=0, country="GB")
    names = [price(id, country="GB").subject for id in gone]
    await facts.record([*(tombstone("price", name) for name in names), tombstone("offer", "o-2")])
    await facts.record([tombstone("availability", availability("SKU-9").subject), tombstone("policy", "policy/acme")])
    await facts.record(sourced([again, price("o-3", "99.00", sequence=1, country="FR")]))
    before = await connection.fetchrow(LIVE)

    _, comparison = await rebuild_all(rebuilds, "catalogue")

    assert comparison.faults == 0
    assert await connection.fetchrow(LIVE) == before
    assert await CatalogueVerifier(PostgresProjectionAudit(database)).verify() == []
    catalogue = await facts.catalogue(gone, [], fresh=True, partner="acme")
    market = Market(partner="acme", country="GB", currency="GBP")
    current = [catalogue.price(ref(id), market, NOW).current for id in gone]
    assert [price and str(price.amount) for price in current] == ["0.50", None, None]
    assert [fact.partner for fact in catalogue.policies("acme")] == [None]


async def test_a_row_from_before_a_withdrawal_is_stale(
    facts: PostgresCatalogue,
    rebuilds: PostgresRebuilds,
    connection: asyncpg.Connection,
    database: DatabasePool,
) -> None:
    name = price("o-1", country="GB").subject
    # What an older release, which knows no withdrawals, would leave behind.
    await connection.execute("CREATE TABLE kept AS SELECT * FROM catalogue_prices WHERE subject = $1", name)
    await facts.record([tombstone("price", name)])
    await connection.execute("DELETE FROM catalogue_prices WHERE subject = $1", name)
    await connection.execute("INSERT INTO catalogue_prices SELECT * FROM kept")
    [drift] = await CatalogueVerifier(PostgresProjectionAudit(database)).verify()
    assert (drift.kind, drift.subject) == ("catalogue_row_differs", name)

    _, comparison = await rebuild_all(rebuilds, "catalogue")

    assert {sample.subject: sample.kind for sample in comparison.samples} == {name: "stale"}
    assert await CatalogueVerifier(PostgresProjectionAudit(database)).verify() == []


async def test_a_row_with_another_partner_or_end_than_its_fact_is_found(
    facts: PostgresCatalogue, connection: asyncpg.Connection, database: DatabasePool
) -> None:
    own, timed = price("o-1", partner="acme").subject, availability("SKU-1", validFrom=NOW).subject
    await connection.execute("UPDATE catalogue_prices SET partner = 'globex' WHERE subject = $1", own)
    await connection.execute("UPDATE catalogue_availability SET valid_until = 'infinity' WHERE subject = $1", timed)

    found = await CatalogueVerifier(PostgresProjectionAudit(database)).verify()

    assert {(drift.subject, drift.words.partition(":")[0]) for drift in found} == {
        (own, "partner"),
        (timed, "valid_until"),
    }


async def test_wrong_rows_are_reported_and_right_after_the_switch_also_in_caches(
    facts: PostgresCatalogue, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    before = await connection.fetchrow(LIVE)
    await connection.execute(
        "UPDATE public.catalogue_prices SET data = convert_to(replace(convert_from(data, 'UTF8'), '7.50', '0.01'), 'UTF8')"
        " WHERE offer_id = 'o-7'"
    )
    await connection.execute("DELETE FROM public.catalogue_offers WHERE offer_id = 'o-3'")
    await connection.execute("UPDATE public.catalogue_policies SET sequence = 1 WHERE subject = 'policy/*'")
    await eventually(lambda: facts.follows_changes)
    assert await remembered(facts) == "0.01"

    _, comparison = await rebuild_all(rebuilds, "catalogue")

    assert {sample.subject: sample.kind for sample in comparison.samples} == {
        "price/o-7/v-1/GB/GBP/*": "differs",
        "offer/o-3/v-1": "missing",
        "policy/*": "stale",
    }
    assert await connection.fetchrow(LIVE) == before

    async def forgotten() -> bool:
        return await remembered(facts) == "7.50"

    await eventually(forgotten)


async def remembered(facts: PostgresCatalogue) -> str:
    """The cached price."""
    catalogue = await facts.catalogue(["o-7"], [], fresh=False)
    current = catalogue.price(ref("o-7"), Market(partner="acme", country="GB", currency="GBP"), NOW).current
    assert current is not None
    return str(current.amount)


async def test_facts_recorded_meanwhile_are_in_the_new_tables_and_survive_a_roll_back(
    facts: PostgresCatalogue, rebuilds: PostgresRebuilds, connection: asyncpg.Connection
) -> None:
    async with built(rebuilds, "catalogue") as work:
        await facts.record(sourced([price("o-1", "2.00", sequence=9, country="GB")]))
        learning = asyncio.create_task(
            facts.record(sourced([availability("SKU-1", quantity=99, sequence=9), offer("o-99")]))
        )
        await work.switch()
        await learning
    right = await connection.fetchrow(LIVE)
    assert right is not None
    assert list(map(len, right)) == [31, 35, 35, 2]
    assert any("2.00" in bytes.fromhex(text.split("\\\\x")[1].split('"')[0]).decode() for text in right[1])

    await facts.record(sourced([offer("o-100"), price("o-2", "3.00", sequence=9, country="GB")]))
    right = await connection.fetchrow(LIVE)
    await rebuilds.roll_back("catalogue", OPERATOR)

    assert await connection.fetchrow(LIVE) == right
