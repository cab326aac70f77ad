from __future__ import annotations

from domain.operators.status.model import LagMeasurement
from tests.servers.waiting import eventually
from tests.workers.worker_processes import running_worker
from workers.heartbeat import Heartbeat


class HeartbeatBench:
    def __init__(self) -> None:
        self.now = 50.0
        self.heartbeat = Heartbeat("publisher", lambda: self.now)


async def test_a_worker_starts_works_and_reports_since_when() -> None:
    bench = HeartbeatBench()
    assert (await bench.heartbeat.report()).condition == "starting"
    bench.now += 3
    bench.heartbeat.ready(True)
    bench.now += 4
    bench.heartbeat.ready(True)
    report = await bench.heartbeat.report()
    assert (report.worker, report.condition, report.condition_seconds) == ("publisher", "working", 4.0)
    assert report.silent_seconds == 0.0


async def test_a_standby_is_ready_and_holds_no_role() -> None:
    bench = HeartbeatBench()
    bench.heartbeat.stands_by("a role")
    bench.now += 5
    bench.heartbeat.stands_by("a role")
    report = await bench.heartbeat.report()
    assert bench.heartbeat.is_ready
    assert (report.condition, report.condition_seconds) == ("standing-by", 5.0)
    assert (report.role, report.holds_role) == ("a role", False)


async def test_a_worker_that_takes_a_role_is_not_ready_before_it_says_so() -> None:
    bench = HeartbeatBench()
    bench.heartbeat.stands_by("a role")
    bench.heartbeat.holds("a role")
    report = await bench.heartbeat.report()
    assert not bench.heartbeat.is_ready
    assert (report.condition, report.role, report.holds_role) == ("starting", "a role", True)


async def test_repeated_faults_count_from_the_first_one() -> None:
    bench = HeartbeatBench()
    bench.heartbeat.ready(True)
    for _ in range(3):
        bench.now += 2
        bench.heartbeat.fault("BrokerUnavailable: away")
        bench.heartbeat.holds("a role")
    report = await bench.heartbeat.report()
    assert (report.condition, report.condition_seconds, report.restarts) == ("failing", 4.0, 3)


async def test_a_past_error_is_reported_but_not_as_a_current_one() -> None:
    bench = HeartbeatBench()
    bench.heartbeat.fault("BrokerUnavailable: away")
    bench.now += 9
    bench.heartbeat.ready(True)
    report = await bench.heartbeat.report()
    assert bench.heartbeat.last_error is None
    assert (report.last_error, report.last_error_seconds) == ("BrokerUnavailable: away", 9.0)


async def test_the_rate_covers_what_was_handled_lately() -> None:
    bench = HeartbeatBench()
    assert (await bench.heartbeat.report()).rate is None
    bench.heartbeat.handled(30)
    bench.now += 2
    report = await bench.heartbeat.report()
    assert (report.rate, report.handled) == (15.0, 30)


async def test_a_position_is_reported_with_its_age() -> None:
    bench = HeartbeatBench()
    bench.heartbeat.at(7)
    bench.now += 3
    assert (await bench.heartbeat.report()).lag == LagMeasurement(7, age_seconds=3.0)


async def test_the_lag_is_measured_only_during_a_run() -> None:
    asked: list[None] = []

    async def measure() -> LagMeasurement:
        asked.append(None)
        return LagMeasurement(9, 2, 1.5)

    class Measured:
        name = "measured"

        async def run(self, heartbeat: Heartbeat) -> None:
            heartbeat.measured_by(measure)
            figures = (await heartbeat.report()).lag
            assert figures == LagMeasurement(9, 2, 1.5)
            raise RuntimeError("done")

    async with running_worker(Measured()) as heartbeat:
        await eventually(lambda: "done" in (heartbeat.last_error or ""))
        seen = len(asked)
        assert (await heartbeat.report()).lag is None
        assert len(asked) == seen


async def test_the_arrival_rate_is_the_growth_of_position_and_lag_together() -> None:
    bench = HeartbeatBench()
    figures = [LagMeasurement(100, 50, 1.0), LagMeasurement(130, 120, 2.0), LagMeasurement(5, 0, 0.0), None]

    async def measure() -> LagMeasurement | None:
        return figures.pop(0)

    bench.heartbeat.measured_by(measure)
    said = []
    for _ in range(4):
        said.append((await bench.heartbeat.report()).arriving)
        bench.now += 2
    # Nothing to compare with; 100 more in two seconds; other partitions; nothing measured.
    assert said == [None, 50.0, None, None]
