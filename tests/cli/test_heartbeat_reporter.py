from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from adapters.embedded.processes import free_port
from adapters.postgres.pool import DatabasePool
from adapters.postgres.worker_status import PostgresWorkerStatusStore
from cli.heartbeat_reporter import report_heartbeats, this_process
from domain.operators.status.model import ServiceProcess, StatusReadings, WorkerReport
from domain.shared.errors import StoreUnavailable
from tests.servers.waiting import eventually

PROCESS = this_process("00000000-0000-7000-8000-000000000001")


class States:
    """WorkerStatusStore that can be away in three ways: refusing, broken, and silent."""

    def __init__(self) -> None:
        self.said: list[Sequence[WorkerReport]] = []
        self.cleared: list[float] = []
        self.trouble: BaseException | None = None
        self.silent = False
        self.asked = 0

    async def report(self, process: ServiceProcess, reports: Sequence[WorkerReport]) -> None:
        self.asked += 1
        assert process == PROCESS
        if self.silent:
            await asyncio.Event().wait()
        if self.trouble is not None:
            raise self.trouble
        self.said.append(reports)

    async def read(self) -> StatusReadings:
        raise NotImplementedError

    async def clear_away(self, older_than: float) -> int:
        self.cleared.append(older_than)
        return 0


async def working() -> Sequence[WorkerReport]:
    return [WorkerReport("publisher", "working", role="a role", holds_role=True, rate=3.0)]


async def test_a_process_reports_repeatedly_and_at_its_end_that_it_stopped() -> None:
    states = States()
    async with report_heartbeats(states, PROCESS, working, every=0.01):
        await eventually(lambda: len(states.said) >= 3)
    assert states.said[0] == await working()
    assert states.said[-1] == [WorkerReport("publisher", "stopped", role="a role")]
    assert states.cleared == [24 * 3600]


@pytest.mark.parametrize("trouble", [StoreUnavailable("away"), ValueError("a mistake of ours")])
async def test_a_failed_report_disturbs_neither_the_work_nor_later_reports(
    trouble: Exception,
) -> None:
    states = States()
    states.trouble = trouble
    async with report_heartbeats(states, PROCESS, working, every=0.01):
        await eventually(lambda: states.asked >= 3)
        states.trouble = None
        await eventually(lambda: states.said)


async def test_a_process_ends_in_time_even_if_its_last_report_hangs() -> None:
    states = States()
    states.silent = True
    async with asyncio.timeout(10):
        async with report_heartbeats(states, PROCESS, working, every=0.01):
            await eventually(lambda: states.asked)


async def test_the_work_goes_on_while_postgresql_is_down() -> None:
    database = DatabasePool(f"postgresql://nobody@127.0.0.1:{free_port()}/none", timeout=0.2)
    turns = 0
    async with asyncio.timeout(20):
        async with report_heartbeats(PostgresWorkerStatusStore(database), PROCESS, working, every=0.01):
            while turns < 50:
                await asyncio.sleep(0.002)
                turns += 1
        await database.close()
    assert turns == 50
