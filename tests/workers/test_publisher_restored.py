"""The publisher on a PostgreSQL that was restored to an earlier moment than Kafka knows."""

from __future__ import annotations

import asyncpg
import pytest

from adapters.container import open_operator_container
from adapters.kafka.topics import BASKET_EVENTS
from adapters.settings import Settings
from adapters.system import new_id, utc_now
from domain.operators.audit import Operator
from domain.operators.checkpoint_reset import CheckpointReset, NoSuchPosition, PublisherRunning
from tests.basket_traffic import BasketTraffic, topic_content
from tests.servers.waiting import eventually
from tests.workers.worker_processes import publisher_worker, running_worker

ANN = Operator(actor="ann", way="command-line", reason="restored from this morning's backup")


async def restore(administrator_url: str, events: int) -> None:
    """Deletes the last events and reuses their positions, as a restore of an older dump does."""
    connection = await asyncpg.connect(administrator_url)
    async with connection.transaction():
        last = await connection.fetchval("SELECT max(position) FROM events")
        await connection.execute("ALTER TABLE events DISABLE TRIGGER USER")
        await connection.execute("DELETE FROM events WHERE position > $1", last - events)
        await connection.execute("ALTER TABLE events ENABLE TRIGGER USER")
        await connection.execute(
            "SELECT setval(pg_get_serial_sequence('events', 'position'), $1::bigint)", last - events
        )
    await connection.close()


async def last_event(settings: Settings) -> int:
    async with open_operator_container(settings) as parts:
        return (await parts.read_model_audit.positions())[0]


async def all_published(settings: Settings, partner: BasketTraffic) -> bool:
    found = await topic_content(settings, BASKET_EVENTS, partner.basket_ids)
    return len(found) == sum(map(len, (await partner.stored()).values()))


async def test_a_store_that_ends_before_the_publishers_record_is_reported_as_its_fault(
    settings: Settings, partner: BasketTraffic, administrator_url: str
) -> None:
    await partner.fills_baskets(3)
    async with publisher_worker(settings) as worker, running_worker(worker) as heartbeat:
        await eventually(lambda: all_published(settings, partner), every=0.1)
        assert heartbeat.is_ready
        # While it waits for more.
        await restore(administrator_url, 4)
        await eventually(lambda: not heartbeat.is_ready and heartbeat.last_error)
        assert "restored to an earlier moment" in (heartbeat.last_error or "")

    # And when it starts.
    async with publisher_worker(settings) as worker, running_worker(worker) as heartbeat:
        await eventually(lambda: heartbeat.last_error)
        assert not heartbeat.is_ready
        assert "PublisherBeyondStore" in (heartbeat.last_error or "")


async def test_new_events_at_published_positions_are_reported_as_a_fault(
    settings: Settings, partner: BasketTraffic, administrator_url: str
) -> None:
    await partner.fills_baskets(3)
    async with publisher_worker(settings) as worker, running_worker(worker):
        await eventually(lambda: all_published(settings, partner), every=0.1)
    await restore(administrator_url, 4)
    # What happens now takes the positions of what was published, and more.
    other = await BasketTraffic(partner.store, "globex").knows_a_catalogue()
    await other.fills_baskets(2)

    async with publisher_worker(settings) as worker, running_worker(worker) as heartbeat:
        await eventually(lambda: heartbeat.last_error)
        assert "another history" in (heartbeat.last_error or "")
    assert await topic_content(settings, BASKET_EVENTS, other.basket_ids) == []


async def test_a_reset_publisher_goes_on_at_the_given_position(
    settings: Settings, partner: BasketTraffic, administrator_url: str
) -> None:
    await partner.fills_baskets(3)
    async with publisher_worker(settings) as worker, running_worker(worker):
        await eventually(lambda: all_published(settings, partner), every=0.1)
    await restore(administrator_url, 4)
    position = await last_event(settings)
    other = await BasketTraffic(partner.store, "globex").knows_a_catalogue()
    await other.fills_baskets(2)

    async with open_operator_container(settings) as parts:
        going_on = CheckpointReset(
            parts.event_feed,
            parts.publisher(),
            settings.publisher_id,
            settings.publisher_id,
            parts.leadership,
            parts.audit_log,
            utc_now,
            new_id,
            role_timeout=1.0,
        )
        with pytest.raises(NoSuchPosition):
            await going_on.reset(10_000, ANN)
        async with parts.leadership.hold(settings.publisher_id):
            with pytest.raises(PublisherRunning):
                await going_on.reset(position, ANN)
        put = await going_on.reset(position, ANN)
        (action,) = await parts.audit_log.newest(None, 5)

    assert (put.after.position, put.before.position) == (position, position + 4)
    assert action.type == "operations.publisher-put-back.v1"
    assert (action.scope["from"], action.scope["to"]) == (position + 4, position)
    async with publisher_worker(settings) as worker, running_worker(worker) as heartbeat:
        await eventually(lambda: all_published(settings, other), every=0.1)
        assert heartbeat.is_ready
