"""Publishers' checkpoints in PostgreSQL, for brokers without transactions."""

from __future__ import annotations

from adapters.postgres.pool import DatabasePool
from domain.ports.messaging import PublisherCheckpoint

READ = "SELECT position, event FROM publisher_positions WHERE publisher_id = $1"

# Records a checkpoint; moves it back only where $4 says so.
WRITE = """
INSERT INTO publisher_positions AS held (publisher_id, position, event)
VALUES ($1, $2, $3)
ON CONFLICT (publisher_id) DO UPDATE
   SET position = excluded.position, event = excluded.event, recorded_at = clock_timestamp()
 WHERE $4 OR excluded.position > held.position
"""


class PostgresPublisherCheckpoints:
    """PublisherCheckpoints."""

    def __init__(self, database: DatabasePool) -> None:
        self._database = database

    async def read(self, publisher_id: str) -> PublisherCheckpoint:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(READ, publisher_id)
        return PublisherCheckpoint(*row) if row else PublisherCheckpoint()

    async def write(self, publisher_id: str, published: PublisherCheckpoint) -> None:
        await self._write(publisher_id, published, move_back=False)

    async def put_back(self, publisher_id: str, published: PublisherCheckpoint) -> None:
        await self._write(publisher_id, published, move_back=True)

    async def begins_after(self, publisher_id: str) -> int:
        """The position up to which the topics hold nothing any more; 0: they hold all that was published."""
        return (await self.read(_topics_of(publisher_id))).position

    async def begin_anew(self, publisher_id: str) -> None:
        """Records that the topics are empty now: they will hold what is published from here on."""
        await self.put_back(_topics_of(publisher_id), await self.read(publisher_id))

    async def _write(self, publisher_id: str, published: PublisherCheckpoint, *, move_back: bool) -> None:
        async with self._database.connection() as connection:
            await connection.execute(WRITE, publisher_id, published.position, published.event, move_back)


def _topics_of(publisher_id: str) -> str:
    """The row that holds where a publisher's topics begin."""
    return f"{publisher_id}/topics"
