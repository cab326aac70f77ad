from __future__ import annotations

import pytest

from adapters.postgres.audit import PostgresAuditLog
from adapters.postgres.pool import DatabasePool
from adapters.postgres.republications import PostgresRepublications
from tests.contracts.audit import action
from tests.contracts.republications import REPUBLISHED, RESUMED, RepublicationsContract, run


@pytest.fixture
def runs(database: DatabasePool) -> PostgresRepublications:
    return PostgresRepublications(database)


class TestPostgresRepublications(RepublicationsContract):
    pass


async def test_the_start_and_each_resumption_of_a_run_are_recorded(
    runs: PostgresRepublications, database: DatabasePool
) -> None:
    await runs.begin(run(), REPUBLISHED)
    await runs.resume("run-1", RESUMED)
    await runs.resume("run-7", action(3))

    assert await PostgresAuditLog(database).newest(None, 5) == [RESUMED, REPUBLISHED]
