"""The runs of republishing, in PostgreSQL."""

from __future__ import annotations

from adapters.postgres.audit import record_action
from adapters.postgres.pool import DatabasePool
from domain.operators.audit import OperatorAction
from domain.operators.republish.republish import Republication

# Inserts a run.
BEGIN = """
INSERT INTO republications
    (id, topic, content, from_position, to_position, partner, basket_id, started_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

# One run.
FIND = """
SELECT id, topic, content, from_position, to_position, partner, basket_id, started_at, ended_at
  FROM republications WHERE id = $1
"""

# Ends a run once.
END = "UPDATE republications SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL"


class PostgresRepublications:
    """Republications."""

    def __init__(self, database: DatabasePool) -> None:
        self._database = database

    async def begin(self, run: Republication, action: OperatorAction) -> None:
        values = (run.id, run.topic, run.content, run.from_position, run.to_position)
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute(BEGIN, *values, run.partner, run.basket_id, run.started_at)
            await record_action(connection, action)

    async def resume(self, id: str, action: OperatorAction) -> Republication | None:
        async with self._database.connection() as connection, connection.transaction():
            row = await connection.fetchrow(FIND, id)
            if row is None:
                return None
            await record_action(connection, action)
        return Republication.model_validate(dict(row))

    async def end(self, run: Republication) -> None:
        async with self._database.connection() as connection:
            await connection.execute(END, run.id, run.ended_at)
