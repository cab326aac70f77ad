"""The publisher on a PostgreSQL that was restored to an earlier moment than Kafka knows."""

from __future__ import annotations

import asyncpg

from adapters.kafka.topics import BASKET_EVENTS
from adapters.settings import Settings
from tests.parts.waiting import eventually
from tests.streaming import Partner, topic_content
from tests.workers.running import publisher_worker, running


async def restore(settings: Settings, events: int) -> None:
    """As a dump of when the last so many events had not happened yet: they are gone, and their positions are given
    anew."""
    assert settings.database_url is not None
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    async with connection.transaction():
        last = await connection.fetchval("SELECT max(position) FROM events")
        await connection.execute("ALTER TABLE events DISABLE TRIGGER USER")
        await connection.execute("DELETE FROM events WHERE position > $1", last - events)
        await connection.execute("ALTER TABLE events ENABLE TRIGGER USER")
        await connection.execute(
            "SELECT setval(pg_get_serial_sequence('events', 'position'), $1::bigint)", last - events
        )
    await connection.close()


async def all_published(settings: Settings, partner: Partner) -> bool:
    found = await topic_content(settings, BASKET_EVENTS, partner.basket_ids)
    return len(found) == sum(map(len, (await partner.stored()).values()))


async def test_a_store_that_ends_before_what_was_published_is_the_publishers_fault_and_not_waited_for(
    settings: Settings, partner: Partner
) -> None:
    await partner.fills_baskets(3)
    async with publisher_worker(settings) as worker, running(worker) as pulse:
        await eventually(lambda: all_published(settings, partner), limit=30, every=0.1)
        assert pulse.is_ready
        # While it waits for more.
        await restore(settings, 4)
        await eventually(lambda: not pulse.is_ready and pulse.last_error, limit=20)
        assert "restored to an earlier moment" in (pulse.last_error or "")

    # And when it starts.
    async with publisher_worker(settings) as worker, running(worker) as pulse:
        await eventually(lambda: pulse.last_error, limit=20)
        assert not pulse.is_ready
        assert "PublisherBeyondStore" in (pulse.last_error or "")


async def test_events_at_positions_that_count_as_published_are_not_passed_over_in_silence(
    settings: Settings, partner: Partner
) -> None:
    await partner.fills_baskets(3)
    async with publisher_worker(settings) as worker, running(worker):
        await eventually(lambda: all_published(settings, partner), limit=30, every=0.1)
    await restore(settings, 4)
    # What happens now takes the positions of what was published, and more.
    other = await Partner(partner.store, "globex").knows_a_catalogue()
    await other.fills_baskets(2)

    async with publisher_worker(settings) as worker, running(worker) as pulse:
        await eventually(lambda: pulse.last_error, limit=20)
        assert "another history" in (pulse.last_error or "")
    assert await topic_content(settings, BASKET_EVENTS, other.basket_ids) == []
