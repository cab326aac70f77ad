"""How far readers of the catalogue's facts have come, in PostgreSQL."""

from __future__ import annotations

from adapters.postgres.pool import DatabasePool

READ = "SELECT position FROM catalogue_readers WHERE reader = $1"

# Never moves back: a reader that was thought dead may still write.
WRITE = """
INSERT INTO catalogue_readers AS held (reader, position) VALUES ($1, $2)
ON CONFLICT (reader) DO UPDATE SET position = excluded.position, recorded_at = clock_timestamp()
WHERE held.position < excluded.position
"""


class PostgresCatalogueCheckpoints:
    """CatalogueCheckpoints."""

    def __init__(self, database: DatabasePool) -> None:
        self._database = database

    async def read(self, reader: str) -> int | None:
        async with self._database.connection() as connection:
            position: int | None = await connection.fetchval(READ, reader)
            return position

    async def write(self, reader: str, position: int) -> None:
        async with self._database.connection() as connection:
            await connection.execute(WRITE, reader, position)
