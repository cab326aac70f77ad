"""Open baskets by their references, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from adapters.postgres.pool import DatabasePool

# The next open baskets that have any of these references.
USING = """
SELECT DISTINCT basket_id FROM open_basket_uses
 WHERE name = ANY($1::text[]) AND basket_id > $2
 ORDER BY basket_id LIMIT $3
"""

# How many open baskets have a reference.
COUNT = "SELECT count(*) FROM open_basket_uses WHERE name = $1"

# The baskets among the newest $1 events whose views lag behind them.
BEHIND = """
SELECT DISTINCT event.stream_id
  FROM (SELECT stream_id, version FROM events ORDER BY position DESC LIMIT $1) AS event
 WHERE NOT EXISTS (SELECT FROM basket_views view
                    WHERE view.basket_id = event.stream_id AND view.version >= event.version)
"""


class PostgresOpenBaskets:
    """OpenBaskets."""

    def __init__(self, database: DatabasePool) -> None:
        self._database = database

    async def using(self, names: Collection[str], after: str, limit: int) -> Sequence[str]:
        async with self._database.connection() as connection:
            return [row["basket_id"] for row in await connection.fetch(USING, [*names], after, limit)]

    async def count(self, name: str) -> int:
        async with self._database.connection() as connection:
            count: int = await connection.fetchval(COUNT, name)
            return count

    async def behind(self, events: int) -> Collection[str]:
        async with self._database.connection() as connection:
            return {row["stream_id"] for row in await connection.fetch(BEHIND, events)}
