"""The record of operators' actions, in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import asyncpg
from pydantic_core import to_json

from adapters.postgres.pool import DatabasePool
from domain.operators.audit import Operator, OperatorAction

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
    """Records the action in the transaction that the connection is in: with the change or not at all."""
    await connection.execute(
        RECORD,
        action.id,
        action.type,
        action.operator.actor,
        action.operator.way,
        action.operator.reason,
        to_json(action.scope).decode(),
        action.occurred_at,
    )


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
                id=row["id"],
                type=row["type"],
                operator=Operator.construct_trusted(actor=row["actor"], way=row["way"], reason=row["reason"]),
                scope=json.loads(row["scope"]),
                occurred_at=row["occurred_at"],
            )
            for row in rows
        ]
