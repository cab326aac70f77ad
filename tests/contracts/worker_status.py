"""The contract of every WorkerStatusStore. The suite of an adapter subclasses it and provides the fixture `states`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from domain.operators.status.model import LagMeasurement, ServiceProcess, StoredReport, WorkerReport, WorkerStatusStore

ONE = ServiceProcess("00000000-0000-7000-8000-000000000001", "here", 11, "1.0.0")
OTHER = ServiceProcess("00000000-0000-7000-8000-000000000002", "there", 12, "1.0.1")

WHOLE = WorkerReport(
    worker="publisher",
    condition="failing",
    condition_seconds=3.0,
    silent_seconds=1.0,
    role="publisher/test",
    holds_role=True,
    lag=LagMeasurement(position=7, lag_events=5, lag_seconds=2.5, age_seconds=4.0),
    rate=12.5,
    handled=9,
    restarts=2,
    last_error="BrokerUnavailable: Kafka is unavailable\x00\ud800",
    last_error_seconds=3.0,
    arriving=7.5,
)


class WorkerStatusStoreContract:
    async def test_a_report_is_read_back_with_times_of_one_clock(self, states: WorkerStatusStore) -> None:
        await states.report(ONE, [WHOLE])

        readings = await states.read()
        (found,) = readings.reports
        assert found == StoredReport(
            process=ONE,
            worker="publisher",
            condition="failing",
            since=found.reported_at - timedelta(seconds=3),
            started_at=found.started_at,
            last_heartbeat_at=found.reported_at - timedelta(seconds=1),
            reported_at=found.reported_at,
            role="publisher/test",
            holds_role=True,
            position=7,
            lag_events=5,
            lag_seconds=2.5,
            measured_at=found.reported_at - timedelta(seconds=4),
            rate=12.5,
            handled=9,
            restarts=2,
            last_error="BrokerUnavailable: Kafka is unavailable\ufffd?",
            last_error_at=found.reported_at - timedelta(seconds=3),
            arriving=7.5,
        )
        assert found.reported_at <= readings.at

    async def test_a_later_report_replaces_the_earlier_one_of_the_process(self, states: WorkerStatusStore) -> None:
        await states.report(ONE, [WHOLE, WorkerReport("projector", "starting")])
        (_, before) = (await states.read()).reports
        await states.report(ONE, [WorkerReport("projector", "working"), WorkerReport("publisher", "standing-by")])
        await states.report(OTHER, [WorkerReport("projector", "working")])

        found = (await states.read()).reports
        assert [(each.worker, each.process, each.condition) for each in found] == [
            ("projector", ONE, "working"),
            ("projector", OTHER, "working"),
            ("publisher", ONE, "standing-by"),
        ]
        publisher = found[2]
        assert (publisher.position, publisher.last_error, publisher.measured_at) == (None, None, None)
        assert publisher.started_at == before.started_at == before.reported_at < publisher.reported_at

    async def test_old_reports_are_deleted_but_never_the_last_known_one(self, states: WorkerStatusStore) -> None:
        standing_by = replace(WHOLE, lag=None)
        await states.report(ONE, [WHOLE, WorkerReport("projector", "working")])
        await states.report(OTHER, [standing_by, WorkerReport("projector", "working")])
        third = replace(OTHER, instance="00000000-0000-7000-8000-000000000003")
        await states.report(third, [standing_by])

        assert await states.clear_away(older_than=3600) == 0
        assert await states.clear_away(older_than=0) == 2
        left = [(each.worker, each.process) for each in (await states.read()).reports]
        assert left == [("projector", OTHER), ("publisher", ONE), ("publisher", third)]
