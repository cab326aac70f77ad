from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.operators.status.lag import LagLimits
from domain.operators.status.model import (
    Backlog,
    EventPartition,
    ReportedCondition,
    RoleLock,
    ServiceProcess,
    ServiceStatus,
    StatusReadings,
    StoredReport,
    WorkerCondition,
    WorkerStatus,
)
from domain.operators.status.service_status import HealthPolicy, evaluate

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ROLE = "publisher/test"
CONDITIONS: tuple[ReportedCondition, ...] = ("starting", "working", "standing-by", "failing", "stopped")


def ago(seconds: float) -> datetime:
    return NOON - timedelta(seconds=seconds)


def recorded(
    worker: str = "publisher",
    instance: str = "a",
    condition: ReportedCondition = "working",
    *,
    heard: float = 1,
    started: float = 600,
    moved: float | None = None,
    measured: float | None = None,
    role: str | None = None,
    position: int | None = None,
    lag: tuple[int, float] | None = None,
    rate: float | None = None,
    error: str | None = None,
) -> StoredReport:
    """What a process said `heard` seconds ago; `moved`, `measured` and `started` are likewise before noon."""
    return StoredReport(
        process=ServiceProcess(instance, f"host-{instance}", 1, "1.0.0"),
        worker=worker,
        condition=condition,
        since=ago(started),
        started_at=ago(started),
        last_heartbeat_at=ago(heard if moved is None else moved),
        reported_at=ago(heard),
        role=role,
        holds_role=False,
        position=position,
        lag_events=lag[0] if lag else None,
        lag_seconds=lag[1] if lag else None,
        measured_at=None if measured is None else ago(measured),
        rate=rate,
        handled=0,
        restarts=0,
        last_error=error,
        last_error_at=ago(5) if error else None,
    )


def status(
    *found: StoredReport,
    backlogs: Sequence[Backlog] = (),
    holders: Sequence[RoleLock] = (),
    workers: Sequence[str] = (),
    limits: LagLimits | None = None,
) -> ServiceStatus:
    return evaluate(
        StatusReadings(NOON, found, backlogs, holders),
        HealthPolicy(workers, dead_after=10, stalled_after=60, limits=limits or LagLimits()),
    )


def states(found: ServiceStatus) -> list[WorkerCondition]:
    return [each.state for each in found.workers]


def only(found: ServiceStatus) -> WorkerStatus:
    (worker,) = found.workers
    return worker


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_worker_that_reports_and_moves_is_in_the_state_that_it_reports(
    condition: ReportedCondition,
) -> None:
    worker = only(status(recorded(condition=condition)))
    assert worker.state == condition
    assert worker.ready == (condition in ("working", "standing-by"))
    assert worker.live == (condition != "stopped")


def test_a_silent_worker_is_dead_even_if_its_lag_is_zero() -> None:
    dead = status(
        recorded(heard=11, role=ROLE, position=7, rate=5.0),
        backlogs=[Backlog("publisher", ROLE, 7, 7, 0, 0.0)],
    )
    worker = only(dead)
    assert (worker.state, worker.live, worker.ready) == ("dead", False, False)
    assert (worker.lag_events, worker.lag_seconds, worker.rate, worker.since) == (0, 0.0, None, ago(11))
    assert dead.problems == ("publisher (host-a, process 1) is dead: nothing was heard of it for 11 s",)
    assert not dead.well


def test_a_worker_that_stopped_as_asked_is_never_dead() -> None:
    assert only(status(recorded(condition="stopped", heard=3600))).state == "stopped"


def test_a_worker_without_heartbeats_is_stalled_although_its_process_reports() -> None:
    still = status(recorded(heard=1, moved=61))
    assert (only(still).state, only(still).live, only(still).since) == ("standing-still", False, ago(61))
    assert "is stalled: it has sent no heartbeat for 1 min" in still.problems[0]


def test_an_expected_worker_that_never_reported_is_missing_and_a_problem() -> None:
    absent = status(recorded("projector"), workers=("publisher", "projector"))
    assert [(each.worker, each.state) for each in absent.workers] == [
        ("publisher", "absent"),
        ("projector", "working"),
    ]
    assert absent.problems == ("publisher: no process does this work, and none was heard of before",)


def test_a_worker_whose_processes_all_stopped_is_a_problem() -> None:
    missed = status(recorded(condition="stopped", started=240), workers=("publisher",))
    assert missed.problems == ("publisher: no process does this work; the last one ended 4 min ago",)


def test_a_fault_is_reported_in_the_workers_words() -> None:
    failing = status(recorded(condition="failing", error="BrokerUnavailable: Kafka is unavailable"))
    assert failing.problems == ("publisher (host-a, process 1) is not ready: BrokerUnavailable: Kafka is unavailable",)


def test_a_process_that_started_after_a_death_replaces_the_dead_one() -> None:
    restarted = status(recorded(heard=30), recorded(instance="b", started=20))
    assert states(restarted) == ["replaced", "working"]
    assert restarted.well


def test_one_process_replaces_only_one_dead_process() -> None:
    dead = [recorded(instance=name, heard=30) for name in "ab"]
    assert sorted(states(status(*dead, recorded(instance="c", started=20)))) == [
        "dead",
        "replaced",
        "working",
    ]


def test_a_process_that_started_before_a_death_replaces_nobody() -> None:
    assert states(status(recorded(heard=30), recorded(instance="b", started=40))) == ["dead", "working"]


def test_a_dead_process_that_still_holds_a_role_is_not_replaced() -> None:
    frozen = status(
        recorded(heard=30, role=ROLE),
        recorded(instance="b", condition="standing-by", started=20, role=ROLE),
        holders=[RoleLock(ROLE, "a")],
    )
    assert states(frozen) == ["dead", "standing-by"]
    assert f"and still has the role {ROLE}" in frozen.problems[0]
    (role,) = frozen.roles
    assert (role.held, role.instance, role.live, role.standing_by) == (True, "a", False, 1)


def test_the_lock_decides_who_holds_a_role_not_the_reports() -> None:
    one, other = recorded(role=ROLE), recorded(instance="b", condition="standing-by", role=ROLE)
    taken = status(replace(one, holds_role=True), other, holders=[RoleLock(ROLE, "b")])
    assert [each.role_held for each in taken.workers] == [None, ROLE]
    assert (taken.roles[0].host, taken.roles[0].live) == ("host-b", True)
    (free,) = status(one, other).roles
    assert (free.held, free.instance, free.live) == (False, None, None)
    (unnamed,) = status(one, other, holders=[RoleLock(ROLE, None)]).roles
    assert (unnamed.held, unnamed.instance, unnamed.live) == (True, None, None)


def test_a_counted_backlog_belongs_to_the_process_that_did_the_work_last() -> None:
    lagging = status(
        recorded(heard=20, position=7, role=ROLE),
        recorded(instance="b", condition="standing-by", role=ROLE),
        backlogs=[Backlog("publisher", ROLE, 7, 12, 5, 20.0)],
    )
    assert [(each.lag_events, each.lag_seconds) for each in lagging.workers] == [(5, 20.0), (None, None)]
    (lag,) = lagging.lags
    assert (lag.position, lag.end, lag.events, lag.seconds) == (7, 12, 5, 20.0)


def test_measurements_count_while_fresh_and_if_every_active_process_measured() -> None:
    one = recorded("projector", measured=2, position=100, lag=(5, 2.5), rate=10.0)
    other = recorded("projector", instance="b", measured=2, position=200, lag=(7, 1.0), rate=5.0)
    estimate = Backlog("projector", None, None, None, 2000, 60.0, at_least=True)

    (together,) = status(one, other, backlogs=[estimate]).lags
    assert (together.position, together.end, together.events, together.seconds) == (300, 312, 12, 2.5)
    assert (together.at_least, together.rate) == (False, 15.0)

    stale = replace(other, measured_at=ago(16))
    stuck = status(one, stale, backlogs=[estimate])
    assert [each.lag_events for each in stuck.workers] == [5, None]
    assert (stuck.lags[0].events, stuck.lags[0].seconds, stuck.lags[0].at_least) == (2000, 60.0, True)


def test_the_last_lag_of_a_dead_worker_is_never_shown_as_current() -> None:
    dead = status(recorded("catalogue", heard=11, measured=11, lag=(0, 0.0)))
    assert only(dead).lag_events is None
    (lag,) = dead.lags
    assert (lag.worker, lag.events, lag.seconds) == ("catalogue", None, None)


def test_the_lag_of_a_publisher_without_a_position_is_unknown() -> None:
    (lag,) = status(recorded(condition="starting", role=ROLE)).lags
    assert (lag.worker, lag.events, lag.seconds) == ("publisher", None, None)


def test_a_standby_has_no_part_in_the_lag() -> None:
    waiting = recorded("commands", "b", "standing-by")
    (lag,) = status(recorded("commands", measured=1, position=3, lag=(4, 1.0)), waiting).lags
    assert lag.events == 4


def waiting(
    events: int = 5, seconds: float = 30.5, *, rate: float | None = None, arriving: float | None = None
) -> ServiceStatus:
    """A publisher for which so much waits; more than 100, or for longer than 30 s, is too much."""
    found = recorded(position=7, role=ROLE, rate=rate)
    backlog = Backlog("publisher", ROLE, 7, 7 + events, events, seconds, arriving=arriving)
    return status(found, backlogs=[backlog], limits=LagLimits(events=100, seconds=30))


def test_a_lag_beyond_its_limit_is_behind_and_a_problem() -> None:
    assert waiting(seconds=30).well
    assert waiting(events=100, seconds=1).well
    assert not waiting(seconds=30.5).well
    assert not waiting(events=101, seconds=1).well
    assert [lag.behind for lag in waiting(seconds=31).lags] == [True]
    unlimited = status(recorded(position=7, role=ROLE), backlogs=[Backlog("publisher", ROLE, 7, 12, 5, 1e6)])
    assert unlimited.well


@pytest.mark.parametrize(
    ("rate", "arriving", "trend", "eta", "words"),
    [
        (None, 300.0, "standing-still", None, "nothing of it is being done"),
        (
            300.0,
            100.0,
            "catching-up",
            573.275,
            "it is catching up: 300 a second are done, 100 arrive, about 9 min left",
        ),
        (300.0, 1_200.0, "falling-back", None, "it is falling back: 300 a second are done, 1,200 arrive"),
        (
            300.0,
            301.0,
            "keeping-pace",
            None,
            "it keeps pace, and does not catch up: 300 a second are done, 301 arrive",
        ),
        (300.0, None, None, None, "300 a second are done, and how much arrives is not known"),
    ],
)
def test_a_worker_that_is_behind_says_by_how_much_since_when_and_whether_it_catches_up(
    rate: float | None, arriving: float | None, trend: str | None, eta: float | None, words: str
) -> None:
    late = waiting(114_655, 400, rate=rate, arriving=arriving)
    (lag,) = late.lags
    assert (lag.trend, lag.eta_seconds, lag.waits_since) == (trend, eta, ago(400))
    assert late.problems == (
        f"{ROLE} is behind: 114,655 wait, the oldest since 2026-11-24T11:53:20.000Z (6 min); {words}",
    )


def test_a_worker_that_runs_at_intervals_is_behind_only_after_its_interval() -> None:
    due = [Backlog("expiry", None, None, None, 3, 50.0)]
    seldom = LagLimits(seconds=30, regular_waits={"expiry": 25.0})
    assert not status(recorded("expiry"), backlogs=due, limits=LagLimits(seconds=30)).well
    assert status(recorded("expiry"), backlogs=due, limits=seldom).well


def test_the_arrival_rate_is_known_only_if_every_process_knows_its_share() -> None:
    one = replace(recorded("projector", measured=1, position=1, lag=(5, 1.0), rate=3.0), arriving=2.0)
    other = replace(recorded("projector", "b", measured=1, position=1, lag=(5, 1.0), rate=3.0), arriving=1.0)
    assert [lag.arriving for lag in status(one, other).lags] == [3.0]
    assert [lag.arriving for lag in status(one, replace(other, arriving=None)).lags] == [None]


def test_too_many_waiting_dead_letters_are_a_problem() -> None:
    readings = StatusReadings(NOON, [recorded()], [], [], dead_letters=3, dead_letters_since=ago(180))
    assert evaluate(readings, HealthPolicy(max_dead_letters=3)).well
    told = evaluate(readings, HealthPolicy(max_dead_letters=2))
    assert told.dead_letters == 3
    assert told.problems == (
        "3 dead letters wait for an operator, the oldest for 3 min: `checkout dead-letters list` shows them",
    )


def test_a_month_without_a_partition_is_a_problem_a_week_before() -> None:
    def problems(days: float) -> Sequence[str]:
        rest = EventPartition(name="events_default", begins=None, ends=None, events=0, bytes=0)
        month = EventPartition(name="events_2026_11", begins=NOON, ends=ago(-86_400 * days), events=0, bytes=0)
        return evaluate(StatusReadings(NOON, [], [], [], event_partitions=[month, rest]), HealthPolicy()).problems

    assert problems(7) == ()
    (problem,) = problems(6.9)
    assert "events_default" in problem
    assert "checkout migrate" in problem


def lived(
    worker: str, instance: str, condition: ReportedCondition, heard: float, before: float, still: float
) -> StoredReport:
    """What a process said last after it had lived `before` seconds, `still` of them without a move."""
    return recorded(worker, instance, condition, heard=heard, started=heard + before, moved=heard + still, role=ROLE)


RECORDS = some.lists(
    some.builds(
        lived,
        some.sampled_from(["publisher", "projector", "api"]),
        some.sampled_from("abcdef"),
        some.sampled_from(CONDITIONS),
        some.integers(0, 60),
        some.integers(0, 60),
        some.integers(0, 100),
    ),
    unique_by=lambda each: (each.worker, each.process.instance),
)


@given(RECORDS, some.sampled_from([None, *"abcdef"]))
def test_no_unhealthy_worker_is_hidden_by_healthy_ones(found: list[StoredReport], holder: str | None) -> None:
    result = status(*found, holders=[RoleLock(ROLE, holder)] if holder else [], workers=("publisher", "projector"))
    bad = {"dead", "standing-still", "failing", "starting", "absent"}
    assert sum(each.state in bad for each in result.workers) <= len(result.problems)
    assert result.well == (not result.problems)
    if result.well:
        assert {"publisher", "projector"} <= {each.worker for each in result.workers if each.ready}
    assert len(result.workers) >= len(found)


@given(RECORDS)
def test_no_more_processes_are_replaced_than_started_after_the_first_death(
    found: list[StoredReport],
) -> None:
    result = status(*found)
    for worker in {each.worker for each in found}:
        replaced = [each for each in result.workers if each.worker == worker and each.state == "replaced"]
        if replaced:
            first = min(each.since for each in replaced if each.since is not None)
            assert sum(each.started_at > first for each in found if each.worker == worker) >= len(replaced)
