"""A basket whose dead letters were settled by something other than a retry or a skip, as older releases did."""

from __future__ import annotations

from adapters.postgres.pool import DatabasePool

# Settles all dead letters of a basket.
RELEASE = """
UPDATE dead_letters SET settled_at = clock_timestamp()
 WHERE settled_at IS NULL AND basket_id = $1
"""


async def release_basket(database: DatabasePool, basket_id: str) -> None:
    async with database.connection() as connection:
        await connection.execute(RELEASE, basket_id)
