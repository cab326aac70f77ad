from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest

from adapters.postgres.catalogue import statements
from adapters.postgres.catalogue.catalogue import PostgresCatalogue
from adapters.postgres.catalogue.history import PostgresCatalogueHistory
from adapters.postgres.catalogue.statements import CHANNEL
from adapters.postgres.pool import DatabasePool
from benchmarks.journey.round_trips import PostgresRelay, counting_relay
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.facts import Fact, PriceFact
from domain.catalogue.offer_index import NO_OFFER
from domain.shared.errors import StoreUnavailable
from tests.builders import NOW, availability, offer, policy, price, ref
from tests.contracts.catalogue import GB, GLOBEX, CatalogueFactsContract, known_of, sourced, tombstone, unique
from tests.servers.waiting import eventually


@pytest.fixture
async def facts(database: DatabasePool) -> AsyncIterator[PostgresCatalogue]:
    async with PostgresCatalogue(database, cache_size=100) as made:
        yield made


class TestPostgresCatalogueFacts(CatalogueFactsContract):
    pass


async def known_price(facts: PostgresCatalogue, id: str) -> PriceFact | None:
    """As one who does not need the newest sees it."""
    catalogue = await facts.catalogue([id], [], fresh=False)
    return catalogue.price(ref(id), GB, NOW).current


async def learn_price(database: DatabasePool, id: str, amount: str, sequence: int) -> None:
    """As another process learns it."""
    await PostgresCatalogue(database, cache_size=1).record(sourced([price(id, amount, sequence=sequence)]))


async def amount_known(facts: PostgresCatalogue, id: str) -> str | None:
    price = await known_price(facts, id)
    return str(price.amount) if price else None


async def test_the_cache_follows_what_other_processes_record(facts: PostgresCatalogue, database: DatabasePool) -> None:
    id = unique("o")
    await eventually(lambda: facts.follows_changes)
    assert await amount_known(facts, id) is None

    for sequence, amount in enumerate(("1.00", "2.00", "3.00")):
        await learn_price(database, id, amount, sequence)

        async def is_known(amount: str = amount) -> bool:
            return await amount_known(facts, id) == amount

        await eventually(is_known, limit=2)


async def test_a_change_of_more_offers_than_fit_a_notification_evicts_everything(
    facts: PostgresCatalogue, database: DatabasePool
) -> None:
    id = unique("o")
    await eventually(lambda: facts.follows_changes)
    await known_price(facts, id)
    many = [price(unique("o-with-a-long-name"), "1.00") for _ in range(400)]

    await PostgresCatalogue(database, cache_size=1).record(sourced([*many, price(id, "7.00")]))

    async def is_known() -> bool:
        return await amount_known(facts, id) == "7.00"

    await eventually(is_known, limit=2)


async def test_a_read_during_recordings_returns_the_facts_of_one_position(
    facts: PostgresCatalogue, database: DatabasePool
) -> None:
    ids, codes, partner = (
        [unique("o/%*") for _ in range(8)],
        [unique("SKU/%*") for _ in range(4)],
        unique("p"),
    )
    history = PostgresCatalogueHistory(database)
    writer = PostgresCatalogue(database, cache_size=1)
    chance = random.Random(7)
    sequences = itertools.count(1)
    answers: list[tuple[list[str], Catalogue]] = []
    await eventually(lambda: facts.follows_changes)

    async def record() -> None:
        for _ in range(40):
            said: list[Fact] = []
            for _ in range(chance.randint(1, 4)):
                id, code, sequence = chance.choice(ids), chance.choice(codes), next(sequences)
                kinds: list[Fact] = [
                    offer(id, products=chance.sample(codes, 2), sequence=sequence),
                    price(id, f"{sequence}.00", sequence=sequence),
                    availability(code, quantity=sequence, sequence=sequence),
                    policy(partner, maximum_lines=sequence, sequence=sequence),
                ]
                said.append(chance.choice(kinds))
            await writer.record(sourced(said))

    async def read(learning: asyncio.Task[None]) -> None:
        while not learning.done():
            asked = chance.sample(ids, 3)
            fresh = await facts.catalogue(asked, codes[:1], fresh=True, at=NOW, partner=partner)
            answers.append((asked, fresh))

    learning = asyncio.create_task(record())
    await asyncio.gather(learning, *(read(learning) for _ in range(6)))

    assert len({answer.position for _, answer in answers}) > 5
    for asked, answer in chance.sample(answers, min(60, len(answers))):
        assert answer.position is not None
        offer_ids = {*asked, *(id for id in ids if answer.offer_entry(id) is not NO_OFFER)}
        known_codes = {codes[0], *(each.product_code for offer in answer.offers() for each in offer.products)}
        then = await history.catalogue_as_of(offer_ids, known_codes, answer.position, partner)
        assert answer.policies(partner) == then.policies(partner)
        for id in offer_ids:
            assert known_of(answer, id, known_codes) == known_of(then, id, known_codes)


@asynccontextmanager
async def counted(database_url: str) -> AsyncIterator[tuple[PostgresCatalogue, PostgresRelay]]:
    """Facts that follow changes, and the trips that they make; a listener makes one a second of its own."""
    async with counting_relay(database_url) as relay:
        database = DatabasePool(relay.url)
        try:
            async with PostgresCatalogue(database, cache_size=100) as facts:
                await eventually(lambda: facts.follows_changes)
                yield facts, relay
        finally:
            await database.close()


async def test_cached_offers_are_returned_without_the_database(database_url: str, database: DatabasePool) -> None:
    id = unique("o")
    # Before anybody listens: a notification that is still on its way would make it be forgotten.
    await learn_price(database, id, "1.00", 1)
    async with counted(database_url) as (facts, relay):
        await known_price(facts, id)
        await known_price(facts, unknown := unique("nobody-sells-this"))
        before = relay.trips

        for _ in range(100):
            assert await amount_known(facts, id) == "1.00"
            assert await amount_known(facts, unknown) is None

        assert relay.trips - before < 50


async def test_partners_that_take_turns_share_what_is_cached(database_url: str, database: DatabasePool) -> None:
    id, plain = unique("o"), unique("o")
    partners = ["northwind", "globex", "initech"]
    amounts = dict(zip(partners, ("8.00", "7.00", "10.00"), strict=True))
    said = [price(each, "10.00") for each in (id, plain)]
    said += [price(id, amounts[partner], partner=partner) for partner in partners[:2]]
    await PostgresCatalogue(database, cache_size=1).record(sourced(said))
    async with counted(database_url) as (facts, relay):

        async def known(partner: str, id: str) -> str:
            catalogue = await facts.catalogue([id], [], fresh=False, at=NOW, prices_for=partner)
            market = GB.model_copy(update={"partner": partner})
            current = catalogue.price(ref(id), market, NOW).current
            assert current is not None
            others = {price.partner for price in catalogue.offer_entry(id).prices} - {None, partner}
            assert others <= seen
            seen.add(partner)
            return str(current.amount)

        seen: set[str] = set()
        assert [await known(partner, id) for partner in partners] == [*amounts.values()]
        assert await known("northwind", plain) == "10.00"
        before = relay.trips
        for _ in range(30):
            assert [await known(partner, id) for partner in partners] == [*amounts.values()]
            assert [await known(partner, plain) for partner in partners] == ["10.00"] * 3
        assert relay.trips - before < 20


async def test_a_new_price_for_a_partner_is_known_to_a_cache_that_read_for_another(
    facts: PostgresCatalogue, database: DatabasePool
) -> None:
    id = unique("o")
    await eventually(lambda: facts.follows_changes)
    writer = PostgresCatalogue(database, cache_size=1)
    await writer.record(sourced([offer(id), price(id)]))

    async def known() -> list[str]:
        prices = [
            (await facts.catalogue([id], [], fresh=True, at=NOW, prices_for=market.partner)).price(ref(id), market, NOW)
            for market in (GB, GLOBEX)
        ]
        return [str(price.current.amount) for price in prices if price.current is not None]

    assert await known() == ["10.00", "10.00"]
    await writer.record(sourced([price(id, "7.00", partner="globex")]))
    assert await known() == ["10.00", "7.00"]
    await writer.record(sourced([price(id, "8.00", partner="northwind")]))
    assert await known() == ["8.00", "7.00"]
    await writer.record([tombstone("price", price(id, partner="globex").subject)])
    assert await known() == ["8.00", "10.00"]


async def test_a_fresh_read_takes_one_round_trip(database_url: str, database: DatabasePool) -> None:
    id, code, partner = unique("o"), unique("SKU"), unique("partner")
    writer = PostgresCatalogue(database, cache_size=1)
    await writer.record(sourced([offer(id, products=[code]), price(id), availability(code, quantity=0)]))
    async with counted(database_url) as (facts, relay):

        async def known() -> tuple[object, ...]:
            catalogue = await facts.catalogue([id], [], fresh=True, at=NOW, partner=partner)
            available = catalogue.availability(code, GB, NOW)
            price = catalogue.price(ref(id), GB, NOW).current
            maximum = next((each.maximum_lines for each in catalogue.policies(partner) if each.partner), None)
            return (available and available.quantity, price and str(price.amount), maximum)

        for _ in range(20):  # the driver prepares the statement once in each connection
            await known()
        for number in range(1, 40):
            changed: Fact = (
                availability(code, quantity=number, sequence=number + 1),
                price(id, f"{number}.00", sequence=number + 1),
                policy(partner, maximum_lines=number, sequence=number),
                offer(unique("another")),
            )[number % 4]
            await writer.record(sourced([changed]))
            before = relay.trips

            (quantity, amount, maximum) = await known()

            assert relay.trips - before <= 2, "one, and perhaps the listener's own"
            last = [number - (number - kind) % 4 for kind in range(3)]
            assert quantity == max(last[0], 0)
            assert amount == (f"{last[1]}.00" if last[1] > 0 else "10.00")
            assert maximum == (last[2] if last[2] > 0 else None)


async def test_the_cache_is_not_used_while_notifications_are_not_heard(
    facts: PostgresCatalogue, database: DatabasePool, postgres_server: str
) -> None:
    id = unique("o")
    await learn_price(database, id, "1.00", 1)
    await eventually(lambda: facts.follows_changes)
    assert await amount_known(facts, id) == "1.00"
    async with database.connection() as connection:
        name = await connection.fetchval("SELECT current_database()")
    administrator = await asyncpg.connect(postgres_server)
    try:
        await administrator.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await administrator.execute(TERMINATE_LISTENERS, name)
        await eventually(lambda: not facts.follows_changes, limit=2)

        await learn_price(database, id, "2.00", 2)

        assert await amount_known(facts, id) == "2.00"
    finally:
        await administrator.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await administrator.close()
    await eventually(lambda: facts.follows_changes, limit=10)
    assert await amount_known(facts, id) == "2.00"


# Ends the connections that catalogue memories listen on.
TERMINATE_LISTENERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = $1 AND application_name = 'checkout-catalogue-cache'
"""


async def test_two_writers_of_the_same_facts_record_each_once(database: DatabasePool) -> None:
    said: list[Fact] = [
        *(price(unique("o"), "1.00") for _ in range(200)),
        *(offer(unique("o")) for _ in range(200)),
    ]
    backwards = said[::-1]
    one, other = PostgresCatalogue(database, 1), PostgresCatalogue(database, 1)

    outcomes = await asyncio.gather(
        *(
            writer.record(sourced(batch[start : start + 100]))
            for start in range(0, 400, 100)
            for writer, batch in ((one, said), (other, backwards))
        )
    )

    assert sum(outcome.new for outcome in outcomes) == len(said)
    assert sum(outcome.known for outcome in outcomes) == len(said)


async def test_a_batch_notifies_once(database: DatabasePool) -> None:
    heard: list[object] = []
    listener = await database.connect("test")
    await listener.add_listener(CHANNEL, lambda *notification: heard.append(notification[-1]))
    one, other, last = sorted(unique("o") for _ in range(3))

    await PostgresCatalogue(database, 1).record(
        sourced([price(other), offer(one), availability(unique("SKU")), offer(other)])
    )
    await PostgresCatalogue(database, 1).record(sourced([offer(last)]))

    await eventually(lambda: len(heard) == 2, limit=2)
    await listener.close()
    assert heard == [f'["{one}", "{other}"]', f'["{last}"]']


async def test_a_recorded_fact_cannot_be_changed(database: DatabasePool) -> None:
    await learn_price(database, unique("o"), "1.00", 1)

    for change in ("UPDATE catalogue_facts SET sequence = 9", "DELETE FROM catalogue_facts"):
        async with database.connection() as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(change)


@pytest.mark.parametrize(
    ("statement", "arguments"),
    [
        (statements.WITHDRAWALS, ["a\x1eb"]),
        (statements.NEWEST, [["a"], ["b"]]),
        (statements.ALL_ABOUT, [["a"], ["b"]]),
        (statements.STATED_UNDER, [[b"a"], ["price"]]),
        (statements.DELETE_KEYS, ["a", "0", "1"]),
        (statements.RECORDED_FACTS, [["a"]]),
    ],
)
async def test_recording_uses_indexes_even_if_its_plan_was_made_for_empty_tables(
    database: DatabasePool, statement: str, arguments: list[object]
) -> None:
    async with database.connection() as connection, connection.transaction():
        await connection.execute(statements.LOCK_WRITERS)
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {statement}", *arguments))
    assert "Index" in plan
    assert "Seq Scan" not in plan


async def test_facts_count_as_recorded_unless_they_are_withdrawn(
    facts: PostgresCatalogue,
) -> None:
    id = unique("o")
    said, longer = price(id, sequence=1), price(id, sequence=12)
    counted = []
    for messages in (
        sourced([longer]),
        sourced([said]),
        [tombstone("price", said.subject)],
        sourced([said]),
        sourced([said]),
    ):
        await facts.record(messages)
        counted.append(
            (
                await facts.count_recorded([said.fact_id]),
                await facts.count_recorded([said.fact_id, longer.fact_id]),
            )
        )

    assert counted == [(0, 1), (1, 2), (0, 0), (1, 1), (1, 1)]


async def test_a_fact_is_stored_with_its_validity_and_its_messages_position(database: DatabasePool) -> None:
    said = price(unique("o"), "1.00", validFrom=NOW)
    [message] = sourced([said])
    source = message.source
    await PostgresCatalogue(database, 1).record([message])

    async with database.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM catalogue_facts WHERE fact_id = $1", said.fact_id)
        projected = await connection.fetchrow("SELECT * FROM catalogue_prices WHERE subject = $1", said.subject)

    assert row is not None
    assert projected is not None
    assert (row["topic"], row["partition"], row["kafka_offset"]) == (
        source.topic,
        source.partition,
        source.offset,
    )
    assert (row["kind"], row["valid_from"], row["valid_until"]) == ("price", NOW, None)
    assert (projected["fact_id"], projected["sequence"], projected["data"]) == (
        said.fact_id,
        1,
        row["data"],
    )


async def test_concurrent_callers_each_get_what_they_asked_for(
    facts: PostgresCatalogue,
) -> None:
    ids = [unique("o") for _ in range(100)]
    await facts.record(sourced([price(id, f"{number}.00") for number, id in enumerate(ids)]))

    catalogues = await asyncio.gather(*(facts.catalogue([id], [], fresh=True) for id in ids))

    amounts = [catalogue.price(ref(id), GB, NOW).current for id, catalogue in zip(ids, catalogues, strict=True)]
    assert [str(price.amount) for price in amounts if price] == [f"{number}.00" for number in range(100)]
    assert len({id(catalogue) for catalogue in catalogues}) < 10, "they share few queries"


async def test_each_call_fails_while_postgresql_is_unavailable() -> None:
    facts = PostgresCatalogue(DatabasePool("postgresql://nobody@127.0.0.1:1/none", timeout=0.5), 1)

    for call in (
        facts.record(sourced([price("o-1")])),
        facts.catalogue(["o-1"], [], fresh=True),
        facts.catalogue(["o-1"], [], fresh=False),
        facts.count_recorded(["price/o-1"]),
    ):
        with pytest.raises(StoreUnavailable):
            await call


@pytest.mark.parametrize("begins", [timedelta(minutes=5), timedelta(minutes=20)])
async def test_a_price_that_begins_within_a_promise_is_known_although_another_lasts(
    database: DatabasePool, begins: timedelta
) -> None:
    id, later = unique("o"), NOW + begins
    facts = PostgresCatalogue(database, 1, promised_for=timedelta(minutes=20))
    upcoming = price(id, "2.00", valid_from=later, sequence=2)
    await facts.record(sourced([offer(id), price(id, "1.00"), upcoming]))
    catalogue = await facts.catalogue([id], [], fresh=True, at=NOW)
    assert catalogue.quote(ref(id), GB, NOW).until == later


async def test_what_was_read_a_moment_ago_is_returned_without_the_database(
    database_url: str, database: DatabasePool
) -> None:
    id, code = unique("o"), unique("SKU")
    recorded = sourced([offer(id, products=[code]), price(id), availability(code, quantity=3), policy("acme")])
    await PostgresCatalogue(database, cache_size=1).record(recorded)
    async with counted(database_url) as (facts, relay):
        fresh = await facts.catalogue([id], [code], fresh=True, at=NOW, partner="acme")
        await facts.catalogue([id], [code], fresh=False, at=NOW, partner="acme")  # until the cache is up to date
        before = relay.trips
        remembered = await facts.catalogue([id], [code], fresh=False, at=NOW, partner="acme")
        assert relay.trips - before <= 1, "none, and perhaps the listener's own"
    assert remembered.offer_entry(id) is fresh.offer_entry(id)
    assert remembered.product_entry(code) is fresh.product_entry(code)
    assert remembered.policies("acme") == fresh.policies("acme")
