"""The migration that adds the indexes of the list of baskets, while baskets are read."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg

from adapters.postgres import migrations
from tests.servers.waiting import eventually

SCRIPT = (Path(migrations.__file__).parent / "versions" / "0023_basket_list.sql").read_text(encoding="utf-8")

INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'basket_views' ORDER BY indexname"

# Makes the indexes what they were before the migration.
TAKE_BACK = """
DROP INDEX basket_views_by_external_id, basket_views_of_a_partner_by_status, basket_views_of_a_partner_by_change;
CREATE INDEX basket_views_by_external_id ON basket_views (external_id) WHERE external_id IS NOT NULL;
"""

# The locks on the table that the migration's session ($1) holds and waits for.
LOCKS = """
SELECT mode, granted FROM pg_locks
 WHERE pid = $1 AND locktype = 'relation' AND relation = 'basket_views'::regclass
"""


async def test_reads_wait_only_once_every_index_is_built(database_url: str, connection: asyncpg.Connection) -> None:
    indexes = await connection.fetch(INDEXES)
    await connection.execute(TAKE_BACK)
    reader = await asyncpg.connect(database_url)
    reading = reader.transaction()
    await reading.start()
    await reader.fetch("SELECT FROM basket_views")

    async def waits() -> set[tuple[str, bool]] | None:
        locks = {(row["mode"], row["granted"]) for row in await reader.fetch(LOCKS, connection.get_server_pid())}
        return locks if any(not granted for _, granted in locks) else None

    migrating = asyncio.create_task(connection.execute(SCRIPT))
    locks = await eventually(waits)
    await reading.commit()
    await migrating
    await reader.close()

    # An index is built under a ShareLock, beside which everybody reads.
    assert locks == {("ShareLock", True), ("AccessExclusiveLock", False)}
    assert await connection.fetch(INDEXES) == indexes
