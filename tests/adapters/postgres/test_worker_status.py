from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.leadership import PostgresLeadership
from adapters.postgres.pool import DatabasePool
from adapters.postgres.worker_status import PostgresWorkerStatusStore
from domain.operators.status.lag_model import GroupMeasurement
from domain.operators.status.model import Backlog, LagMeasurement, RoleLock, WorkerReport
from domain.ports.event_store import Append, NewEvent
from tests.contracts.worker_status import ONE, OTHER, WHOLE, WorkerStatusStoreContract

ROLE = "publisher/checkout-publisher"

# A view that is as far as version $2.
VIEW = """
INSERT INTO basket_views (basket_id, version, partner, status, created, modified, expires_at, snapshot)
VALUES ($1, $2, 'acme', 'open', $3, $3, $3, '')
ON CONFLICT (basket_id) DO UPDATE SET version = excluded.version
"""


# A dead letter of the offset $1, settled at $2.
LETTER = """
INSERT INTO dead_letters (topic, partition, message_offset, digest, header_names, header_values, code, error,
                          settled_at, settled_by)
VALUES ('t', 0, $1, '', '{}', '{}', 'no_json', 'no JSON', $2::timestamptz,
        CASE WHEN $2::timestamptz IS NULL THEN NULL ELSE 'skipped' END)
"""


@pytest.fixture
def states(database: DatabasePool) -> PostgresWorkerStatusStore:
    return PostgresWorkerStatusStore(database)


class TestPostgresWorkerStatusStore(WorkerStatusStoreContract):
    pass


async def test_the_newest_observations_of_the_brokers_are_read(states: PostgresWorkerStatusStore) -> None:
    before = await states.read()
    assert (before.groups, before.groups_measured_at, before.topic_problems) == ((), None, ())

    oldest = datetime(2026, 11, 28, 12, tzinfo=UTC)
    waiting = GroupMeasurement(group="a", topic="t", condition="reading", messages=7, oldest_at=oldest, rate=0.5)
    gone = GroupMeasurement(group="b", topic=None, condition="missing", unknown="it committed nothing")
    await states.record_groups([gone])
    await states.record_groups([waiting, gone])
    await states.record_topic_problems(["checkout.baskets.v1: cleanup.policy is delete"])

    found = await states.read()
    assert found.groups == (waiting, gone)
    assert found.groups_measured_at is not None
    assert found.groups_measured_at <= found.at
    assert found.topic_problems == ("checkout.baskets.v1: cleanup.policy is delete",)


async def append(store: PostgresEventStore, stream: str, version: int, count: int = 1) -> None:
    event = NewEvent("checkout.basket-initiated.v1", b"{}", b"{}")
    await store.append(Append(stream, version, [event] * count))


async def backlogs(states: PostgresWorkerStatusStore) -> Mapping[str, Backlog]:
    return {backlog.worker: backlog for backlog in (await states.read()).backlogs}


async def test_the_publishers_backlog_counts_from_its_last_position(
    states: PostgresWorkerStatusStore, store: PostgresEventStore
) -> None:
    assert "publisher" not in await backlogs(states)
    await append(store, "a", 0, 3)
    await states.report(ONE, [WorkerReport("publisher", "working", role=ROLE, lag=LagMeasurement(1, 0, 0.0))])
    await states.report(OTHER, [WorkerReport("publisher", "standing-by", role=ROLE)])

    found = (await backlogs(states))["publisher"]
    assert (found.role, found.position, found.end, found.events, found.at_least) == (ROLE, 1, 3, 2, False)
    assert (found.seconds or 0.0) > 0

    await states.report(OTHER, [WorkerReport("publisher", "working", role=ROLE, lag=LagMeasurement(3))])
    # Three in the last ten seconds.
    assert (await backlogs(states))["publisher"] == Backlog("publisher", ROLE, 3, 3, 0, 0.0, arriving=0.3)


async def test_the_rate_of_many_new_events_follows_from_their_age(
    states: PostgresWorkerStatusStore, store: PostgresEventStore
) -> None:
    await append(store, "a", 0, 30)
    await states.report(ONE, [WorkerReport("publisher", "working", role=ROLE, lag=LagMeasurement(10))])

    few = PostgresWorkerStatusStore(states._database, newest_events=20)
    (arriving,) = [each.arriving for each in (await few.read()).backlogs if each.worker == "publisher"]
    assert arriving is not None
    assert arriving > 2.0  # the mean over the last ten seconds


async def test_waiting_dead_letters_are_counted_with_the_time_of_the_first(
    states: PostgresWorkerStatusStore, connection: asyncpg.Connection
) -> None:
    assert ((await states.read()).dead_letters, (await states.read()).dead_letters_since) == (0, None)
    for offset, settled in ((1, None), (2, None), (3, datetime.now(UTC))):
        await connection.execute(LETTER, offset, settled)
    readings = await states.read()
    assert readings.dead_letters == 2
    assert readings.dead_letters_since is not None
    assert readings.dead_letters_since <= readings.at


async def test_a_long_backlog_is_estimated_by_positions(
    states: PostgresWorkerStatusStore, store: PostgresEventStore
) -> None:
    await append(store, "a", 0, 30)
    await states.report(ONE, [WorkerReport("publisher", "working", role=ROLE, lag=LagMeasurement(10))])

    few = PostgresWorkerStatusStore(states._database, max_counted=5)
    assert (await backlogs(few))["publisher"].events == 20


async def test_due_baskets_wait_for_the_expiry(
    states: PostgresWorkerStatusStore, connection: asyncpg.Connection
) -> None:
    assert (await backlogs(states))["expiry"].events == 0
    now = datetime.now(UTC)
    await connection.execute(VIEW, "due", 1, now - timedelta(minutes=5))
    await connection.execute(VIEW, "not due", 1, now + timedelta(minutes=5))

    found = (await backlogs(states))["expiry"]
    assert (found.events, found.at_least) == (1, False)
    assert found.seconds == pytest.approx(300, abs=60)


async def test_events_that_no_view_holds_wait_for_the_projector(
    states: PostgresWorkerStatusStore, store: PostgresEventStore, connection: asyncpg.Connection
) -> None:
    assert (await backlogs(states))["projector"] == Backlog("projector", None, None, None, 0, 0.0)
    await append(store, "a", 0, 3)
    await append(store, "b", 0)
    await connection.execute(VIEW, "a", 1, datetime.now(UTC))

    found = (await backlogs(states))["projector"]
    assert (found.events, found.at_least) == (3, False)
    assert (found.seconds or 0.0) > 0
    few = PostgresWorkerStatusStore(states._database, newest_events=2)
    assert (await backlogs(few))["projector"].at_least


async def test_the_holder_of_the_lock_holds_the_role_whatever_was_reported(
    states: PostgresWorkerStatusStore, database: DatabasePool
) -> None:
    await states.report(ONE, [WHOLE])
    await states.report(OTHER, [WorkerReport("publisher", "standing-by", role=ROLE)])
    assert list((await states.read()).role_locks) == []

    async with PostgresLeadership(database, instance=OTHER.instance).hold(ROLE):
        assert list((await states.read()).role_locks) == [RoleLock(ROLE, OTHER.instance)]
    async with PostgresLeadership(database).hold(ROLE):
        assert list((await states.read()).role_locks) == [RoleLock(ROLE, None)]
