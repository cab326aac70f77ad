from __future__ import annotations

import asyncio

import pytest

from adapters.postgres.catalogue.catalogue import PostgresCatalogue
from adapters.postgres.catalogue.history import PostgresCatalogueHistory
from adapters.postgres.pool import DatabasePool
from tests.builders import price
from tests.contracts.catalogue import sourced, unique
from tests.contracts.catalogue_history import CatalogueHistoryContract, Learning


@pytest.fixture
def learning(database: DatabasePool) -> Learning:
    return Learning(PostgresCatalogue(database, 1), PostgresCatalogueHistory(database))


class TestPostgresCatalogueHistory(CatalogueHistoryContract):
    pass


async def test_a_reader_skips_no_fact_of_concurrent_writers(database: DatabasePool, learning: Learning) -> None:
    said = [price(unique("o")) for _ in range(600)]
    writing = [
        asyncio.create_task(learning.facts.record(sourced(said[at : at + 10]))) for at in range(0, len(said), 10)
    ]
    read: list[str] = []
    position = 0
    while len(read) < len(said):
        page = await learning.history.recorded_after(position, 50)
        read += [fact.fact_id for _, fact in page]
        position = page[-1][0] if page else position
        if not page and all(task.done() for task in writing):
            assert not await learning.history.recorded_after(position, 1)
            break
    await asyncio.gather(*writing)

    assert sorted(read) == sorted(fact.fact_id for fact in said)


async def test_no_fact_becomes_visible_before_an_earlier_one(database: DatabasePool, learning: Learning) -> None:
    slow, quick = price(unique("o")), price(unique("o"))
    async with database.connection() as connection:
        begun = connection.transaction()
        await begun.start()
        await connection.execute(LEARN_SLOWLY, slow.fact_id, slow.model_dump_json().encode())
        waiting = asyncio.create_task(learning.facts.record(sourced([quick])))
        _, pending = await asyncio.wait([waiting], timeout=0.2)
        assert pending, "the second one waits for its turn"
        await begun.commit()
    await waiting

    assert [fact for _, fact in await learning.history.recorded_after(0, 10)] == [slow, quick]


# One fact, by hand.
LEARN_SLOWLY = """
INSERT INTO catalogue_facts (fact_id, kind, subject, sequence, data, topic, partition, kafka_offset)
VALUES ($1, 'price', 'slow', 1, $2, 'test', 0, 0)
"""
