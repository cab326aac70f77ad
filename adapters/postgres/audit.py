"""The audit log, in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import asyncpg
from pydantic_core import to_json

from adapters.postgres.pool import DatabasePool
from domain.operators.audit import Operator, OperatorAction

# Records an action. The same one again changes nothing.
RECORD = """
INSERT INTO operator_actions (id, type, actor, way, reason, scope, occurred_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO NOTHING
"""

# The newest actions before $1 (null: of all).
NEWEST = """
SELECT id, type, actor, way, reason, scope, occurred_at FROM operator_actions
 WHERE $1::timestamptz IS NULL OR occurred_at < $1
 ORDER BY occurred_at DESC, id DESC LIMIT $2
"""


async def record_action(connection: asyncpg.Connection, action: OperatorAction) -> None:
    """Records the action in the connection's transaction, so with the change or not at all."""
    operator, scope = action.operator, to_json(action.scope).decode()
    who = (operator.actor, operator.way, operator.reason)
    await connection.execute(RECORD, action.id, action.type, *who, scope, action.occurred_at)


class PostgresAuditLog:
    """AuditLog."""

    def __init__(self, database: DatabasePool) -> None:
        self._database = database

    async def record(self, action: OperatorAction) -> None:
        async with self._database.connection() as connection:
            await record_action(connection, action)

    async def newest(self, before: datetime | None, limit: int) -> Sequence[OperatorAction]:
        async with self._database.connection() as connection:
            rows = await connection.fetch(NEWEST, before, limit)
        return [
            OperatorAction(
                id=id,
                type=type,
                operator=Operator.construct_trusted(actor=actor, way=way, reason=reason),
                scope=json.loads(scope),
                occurred_at=occurred_at,
            )
            for id, type, actor, way, reason, scope, occurred_at in rows
        ]
