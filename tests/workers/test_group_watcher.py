from __future__ import annotations

from collections.abc import Sequence

from adapters.postgres.leadership import PostgresLeadership
from adapters.postgres.pool import DatabasePool
from adapters.postgres.worker_status import PostgresWorkerStatusStore
from domain.operators.status.lag_model import GroupMeasurement
from domain.shared.errors import BrokerUnavailable
from tests.servers.waiting import eventually
from tests.workers.worker_processes import running_worker
from workers.group_watcher import GroupWatcher


class Meter:
    """GroupMeter of one group, of which each measurement finds one message fewer. It fails at the second."""

    def __init__(self) -> None:
        self.left = 5

    async def measure(self) -> Sequence[GroupMeasurement]:
        self.left -= 1
        if self.left == 3:
            raise BrokerUnavailable("no answer")
        return [GroupMeasurement(group="order-service", topic="t", condition="reading", messages=max(0, self.left))]


async def test_measurements_are_stored_and_an_outage_of_kafka_only_interrupts_them(database: DatabasePool) -> None:
    store = PostgresWorkerStatusStore(database)
    worker = GroupWatcher(Meter(), store, PostgresLeadership(database), pause=0.05)
    async with running_worker(worker) as heartbeat:
        await eventually(lambda: heartbeat.last_error is not None)
        assert [each.messages for each in (await store.read()).groups] == [4]

        async def read_everything() -> bool:
            return [each.messages for each in (await store.read()).groups] == [0]

        await eventually(read_everything)
        assert heartbeat.is_ready
        assert heartbeat.last_error is None
