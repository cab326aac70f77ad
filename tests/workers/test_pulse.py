from __future__ import annotations

from domain.operating.status import Figures
from tests.parts.waiting import eventually
from tests.workers.running import running
from workers.pulse import Pulse


class Bench:
    def __init__(self) -> None:
        self.now = 50.0
        self.pulse = Pulse("publisher", lambda: self.now)


async def test_a_worker_starts_works_and_says_since_when() -> None:
    bench = Bench()
    assert (await bench.pulse.report()).condition == "starting"
    bench.now += 3
    bench.pulse.ready(True)
    bench.now += 4
    bench.pulse.ready(True)
    report = await bench.pulse.report()
    assert (report.worker, report.condition, report.condition_seconds) == ("publisher", "working", 4.0)
    assert report.silent_seconds == 0.0


async def test_one_that_stands_by_is_ready_and_has_no_role() -> None:
    bench = Bench()
    bench.pulse.stands_by("a role")
    bench.now += 5
    bench.pulse.stands_by("a role")
    report = await bench.pulse.report()
    assert bench.pulse.is_ready
    assert (report.condition, report.condition_seconds) == ("standing-by", 5.0)
    assert (report.role, report.holds_role) == ("a role", False)


async def test_one_that_takes_a_role_is_not_ready_before_it_says_so() -> None:
    bench = Bench()
    bench.pulse.stands_by("a role")
    bench.pulse.holds("a role")
    report = await bench.pulse.report()
    assert not bench.pulse.is_ready
    assert (report.condition, report.role, report.holds_role) == ("starting", "a role", True)


async def test_one_that_fails_again_and_again_fails_since_the_first_time() -> None:
    bench = Bench()
    bench.pulse.ready(True)
    for _ in range(3):
        bench.now += 2
        bench.pulse.fault("BrokerUnavailable: away")
        bench.pulse.holds("a role")
    report = await bench.pulse.report()
    assert (report.condition, report.condition_seconds, report.restarts) == ("failing", 4.0, 3)


async def test_the_last_error_is_remembered_when_all_is_well_again_but_not_as_a_present_one() -> None:
    bench = Bench()
    bench.pulse.fault("BrokerUnavailable: away")
    bench.now += 9
    bench.pulse.ready(True)
    report = await bench.pulse.report()
    assert bench.pulse.last_error is None
    assert (report.last_error, report.last_error_seconds) == ("BrokerUnavailable: away", 9.0)


async def test_the_rate_is_what_was_handled_over_the_last_while() -> None:
    bench = Bench()
    assert (await bench.pulse.report()).rate is None
    bench.pulse.handled(30)
    bench.now += 2
    report = await bench.pulse.report()
    assert (report.rate, report.handled) == (15.0, 30)


async def test_how_far_it_is_is_told_with_how_long_ago_that_was() -> None:
    bench = Bench()
    bench.pulse.at(7)
    bench.now += 3
    assert (await bench.pulse.report()).figures == Figures(7, age_seconds=3.0)


async def test_what_it_measured_by_is_asked_only_while_it_runs() -> None:
    asked: list[None] = []

    async def measure() -> Figures:
        asked.append(None)
        return Figures(9, 2, 1.5)

    class Measured:
        name = "measured"

        async def run(self, pulse: Pulse) -> None:
            pulse.measured_by(measure)
            figures = (await pulse.report()).figures
            assert figures == Figures(9, 2, 1.5)
            raise RuntimeError("done")

    async with running(Measured()) as pulse:
        await eventually(lambda: "done" in (pulse.last_error or ""))
        seen = len(asked)
        assert (await pulse.report()).figures is None
        assert len(asked) == seen


async def test_what_arrives_is_by_how_much_position_and_what_waits_grow_together() -> None:
    bench = Bench()
    figures = [Figures(100, 50, 1.0), Figures(130, 120, 2.0), Figures(5, 0, 0.0), None]

    async def measure() -> Figures | None:
        return figures.pop(0)

    bench.pulse.measured_by(measure)
    said = []
    for _ in range(4):
        said.append((await bench.pulse.report()).arriving)
        bench.now += 2
    # Nothing to compare with; 100 more in two seconds; other partitions; nothing measured.
    assert said == [None, 50.0, None, None]
