"""The database itself protects stored events from every change, whatever the role."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from adapters.postgres.event_store.append import APPEND_BATCH, columns
from adapters.postgres.event_store.store import PostgresEventStore
from tests.adapters.postgres.conftest import DAY
from tests.builders.appends import a_stream, an_append, names_of

INSERT_EVENT = "INSERT INTO events (stream_id, version, type, data, metadata) VALUES ('s', 1, 't', '{}', '{}')"
COUNT_EVENTS = "SELECT count(*) FROM events"

# Creates, and drops again, a role with the rights on events that a process of the service needs.
MAKE_ROLE = """
SELECT format('CREATE ROLE %1$I; GRANT SELECT ON events TO %1$I;
               GRANT EXECUTE ON FUNCTION append_events TO %1$I; SET ROLE %1$I', $1::text)
"""
DROP_ROLE = "SELECT format('RESET ROLE; DROP OWNED BY %1$I; DROP ROLE %1$I', $1::text)"

refused = pytest.raises(asyncpg.InsufficientPrivilegeError, match="refused")


@pytest.fixture(autouse=True)
async def one_event(store: PostgresEventStore) -> str:
    """The stream of the one stored event."""
    stream = a_stream()
    await store.append(an_append(stream))
    return stream


@pytest.fixture
async def service_role(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """The connection acts for a role that owns nothing."""
    name = f"service_{uuid4().hex}"
    await connection.execute(await connection.fetchval(MAKE_ROLE, name))
    yield
    await connection.execute(await connection.fetchval(DROP_ROLE, name))


@pytest.mark.parametrize(
    "statement",
    [
        INSERT_EVENT,
        "INSERT INTO events (stream_id, version, type, data, metadata) SELECT 's', 1, 't', '', '' WHERE false",
        "UPDATE events SET data = '{}'",
        "DELETE FROM events",
        "TRUNCATE events",
        "TRUNCATE events, claims RESTART IDENTITY CASCADE",
        "MERGE INTO events USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
    ],
)
async def test_the_owner_itself_can_neither_write_nor_change_events(
    connection: asyncpg.Connection, statement: str
) -> None:
    with refused:
        await connection.execute(statement)
    assert await connection.fetchval(COUNT_EVENTS) == 1


async def test_events_cannot_be_copied_in(connection: asyncpg.Connection) -> None:
    with refused:
        await connection.copy_records_to_table(
            "events",
            records=[("s", 1, "t", b"{}", b"{}")],
            columns=["stream_id", "version", "type", "data", "metadata"],
        )


async def test_events_can_be_written_only_while_the_function_runs(connection: asyncpg.Connection) -> None:
    async with connection.transaction():
        await connection.execute(APPEND_BATCH, *columns([an_append(a_stream())]), DAY, False)
        with refused:
            async with connection.transaction():
                await connection.execute(INSERT_EVENT)
    assert await connection.fetchval(COUNT_EVENTS) == 2


@pytest.mark.parametrize("value", ["on", "1", ""])
async def test_a_session_setting_does_not_permit_writes(connection: asyncpg.Connection, value: str) -> None:
    await connection.execute("SELECT set_config('checkout.appending', $1, false)", value)
    with refused:
        await connection.execute(INSERT_EVENT)


@pytest.mark.parametrize("statement", ["UPDATE events SET data = '{}'", "DELETE FROM events", "TRUNCATE events"])
async def test_events_cannot_be_changed_even_with_ordinary_triggers_disabled(
    connection: asyncpg.Connection, statement: str
) -> None:
    await connection.execute("SET session_replication_role = replica")
    with refused:
        await connection.execute(statement)


@pytest.mark.usefixtures("service_role")
async def test_a_role_without_rights_on_the_table_appends_through_the_function(
    connection: asyncpg.Connection,
) -> None:
    rows = await connection.fetch(APPEND_BATCH, *columns([an_append(a_stream())]), DAY, False)
    assert [row["outcome"] for row in rows] == ["appended"]
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await connection.execute(INSERT_EVENT)
    # A table of the caller's own with the same name changes nothing.
    await connection.execute("CREATE TEMPORARY TABLE events (LIKE public.events)")
    await connection.execute(APPEND_BATCH, *columns([an_append(a_stream())]), DAY, False)
    assert await connection.fetchval("SELECT count(*) FROM public.events") == 3


async def test_people_read_events_as_json(connection: asyncpg.Connection, one_event: str) -> None:
    row = await connection.fetchrow("SELECT * FROM readable_events")
    assert row is not None
    assert row["stream_id"] == one_event
    assert json.loads(row["data"]) == {"name": "happened"}
    assert "causationId" in json.loads(row["metadata"])


async def test_a_batch_that_names_a_stream_twice_is_refused_as_a_whole(
    connection: asyncpg.Connection, one_event: str
) -> None:
    batch = [an_append(a_stream()), an_append(one_event, 1), an_append(one_event, 1)]
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(APPEND_BATCH, *columns(batch), DAY, False)
    assert await connection.fetchval(COUNT_EVENTS) == 1


async def test_a_batch_that_claims_a_name_twice_is_refused_as_a_whole(connection: asyncpg.Connection) -> None:
    batch = [an_append(a_stream(), claims=["name"]), an_append(a_stream(), claims=["name"])]
    with pytest.raises(asyncpg.CardinalityViolationError):
        await connection.execute(APPEND_BATCH, *columns(batch), DAY, False)
    assert await connection.fetchval(COUNT_EVENTS) == 1


async def test_each_batch_is_announced_once_with_its_last_position(
    store: PostgresEventStore, connection: asyncpg.Connection
) -> None:
    heard: asyncio.Queue[object] = asyncio.Queue()
    await connection.add_listener("checkout_events", lambda *message: heard.put_nowait(message[3]))
    streams = [a_stream() for _ in range(3)]
    await asyncio.gather(*(store.append(an_append(stream, 0, "a", "b")) for stream in streams))
    await store.append(an_append(streams[0], 7))
    await store.append(an_append(streams[0], 2, "c"))
    last = (await store.read_events(streams[0]))[-1].position
    assert [int(str(await asyncio.wait_for(heard.get(), 10))) for _ in range(2)] == [last - 1, last]
    assert heard.empty()
    assert await names_of(store, streams[0]) == ["a", "b", "c"]
