from __future__ import annotations

import asyncpg
import pytest

from adapters.postgres.audit import PostgresAuditLog, record_action
from adapters.postgres.pool import DatabasePool
from tests.contracts.audit import AuditLogContract, action


@pytest.fixture
def actions(database: DatabasePool) -> PostgresAuditLog:
    return PostgresAuditLog(database)


class TestPostgresAuditLog(AuditLogContract):
    pass


@pytest.mark.parametrize(
    "change",
    ["UPDATE operator_actions SET reason = ''", "DELETE FROM operator_actions", "TRUNCATE operator_actions"],
)
async def test_recorded_actions_cannot_be_changed(
    actions: PostgresAuditLog, connection: asyncpg.Connection, change: str
) -> None:
    await actions.record(action(1))

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(change)


async def test_an_action_is_recorded_with_its_change_or_not_at_all(
    actions: PostgresAuditLog, connection: asyncpg.Connection
) -> None:
    transaction = connection.transaction()
    await transaction.start()
    await record_action(connection, action(1))
    await transaction.rollback()

    assert await actions.newest(None, 5) == []
