"""How far publishers have come, kept in PostgreSQL for those whose broker has no transactions."""

from __future__ import annotations

from adapters.postgres.database import Database

# The position of a publisher.
READ = "SELECT position FROM publisher_positions WHERE publisher_id = $1"

# Moves a publisher's position; never back.
WRITE = """
INSERT INTO publisher_positions AS held (publisher_id, position)
VALUES ($1, $2)
ON CONFLICT (publisher_id) DO UPDATE
   SET position = excluded.position, recorded_at = clock_timestamp()
 WHERE excluded.position > held.position
"""


class PostgresPublisherPositions:
    """PublisherPositions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, publisher_id: str) -> int:
        async with self._database.connection() as connection:
            return await connection.fetchval(READ, publisher_id) or 0

    async def write(self, publisher_id: str, position: int) -> None:
        async with self._database.connection() as connection:
            await connection.execute(WRITE, publisher_id, position)
