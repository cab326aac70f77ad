from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.operators.status.group_lags import NOT_MEASURED
from domain.operators.status.lag import LagLimits
from domain.operators.status.lag_model import GroupCondition, GroupLag, GroupMeasurement, WatchedGroup
from domain.operators.status.model import ServiceStatus, StatusReadings
from domain.operators.status.service_status import HealthPolicy, evaluate

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
TOPIC = "checkout.basket-events.v1"


def ago(seconds: float) -> datetime:
    return NOON - timedelta(seconds=seconds)


def measured(condition: GroupCondition = "reading", group: str = "order-service", **more: Any) -> GroupMeasurement:
    return GroupMeasurement(group=group, condition=condition, **{"topic": TOPIC, "partitions": 12, **more})


def status(*groups: GroupMeasurement, measured_ago: float = 5, watched: Sequence[str] = ()) -> ServiceStatus:
    """The status where 100 messages or 30 seconds are the limit."""
    readings = StatusReadings(NOON, (), (), (), groups=groups, groups_measured_at=ago(measured_ago) if groups else None)
    policy = HealthPolicy(
        limits=LagLimits(events=100, seconds=30), watched_groups=[WatchedGroup(group=name) for name in watched]
    )
    return evaluate(readings, policy)


def only(found: ServiceStatus) -> GroupLag:
    (group,) = found.groups
    return group


def test_a_group_that_read_everything_is_well() -> None:
    found = status(measured(messages=0, rate=5.0, arriving=5.0))
    assert found.well
    assert (only(found).behind, only(found).seconds, only(found).trend) == (False, None, None)


@pytest.mark.parametrize(
    ("rate", "arriving", "outlook"),
    [
        (900.0, 212.0, "it is catching up: 900 a second are done, 212 arrive, about 17 s left"),
        (100.0, 212.0, "it is falling back: 100 a second are done, 212 arrive"),
        (100.0, 100.0, "it keeps pace, and does not catch up: 100 a second are done, 100 arrive"),
        (0.0, 212.0, "nothing of it is being done"),
        (None, None, "whether it catches up is not known"),
    ],
)
def test_a_group_that_is_behind_is_a_problem_that_says_by_how_much_and_what_becomes_of_it(
    rate: float | None, arriving: float | None, outlook: str
) -> None:
    waiting = measured(messages=12_000, estimated=True, oldest_at=ago(360), rate=rate, arriving=arriving)
    found = status(waiting)
    assert found.problems == (
        f"order-service is about 12,000 messages behind on {TOPIC}, the oldest for 6 min; {outlook}",
    )
    assert (only(found).behind, only(found).seconds) == (True, 360)


def test_a_group_is_behind_by_number_or_by_age() -> None:
    assert status(measured(messages=100, oldest_at=ago(30))).well
    assert not status(measured(messages=101, oldest_at=ago(1))).well
    assert not status(measured(messages=1, oldest_at=ago(31))).well


def test_messages_that_nobody_reads_are_a_problem_once_they_wait_for_too_long() -> None:
    assert status(measured("no-members", messages=0)).well
    assert status(measured("no-members", messages=1, oldest_at=ago(5))).well
    found = status(measured("no-members", messages=1, oldest_at=ago(40), rate=0.0, arriving=1.0))
    assert found.problems == (
        f"order-service is 1 message behind on {TOPIC}, the oldest for 40 s; it has no members, so nobody reads",
    )


def test_a_group_that_the_brokers_do_not_know_is_a_problem() -> None:
    (problem,) = status(measured("missing", topic=None, unknown="…")).problems
    assert problem.startswith("order-service: the brokers know no such consumer group")


def test_partitions_of_which_a_group_committed_nothing_are_a_problem() -> None:
    (problem,) = status(measured(messages=3, oldest_at=ago(1), uncommitted=2)).problems
    assert problem.startswith(
        f"order-service has committed nothing on 2 of 12 partitions of {TOPIC} that hold messages"
    )


def test_what_is_not_known_is_told_and_is_no_problem() -> None:
    found = status(measured("unknown", topic=None, unknown="the broker does not say"))
    assert found.well
    assert (only(found).messages, only(found).unknown) == (None, "the broker does not say")


def test_a_watched_group_without_a_fresh_measurement_is_not_known() -> None:
    for found in (status(watched=["order-service"]), status(measured(), measured_ago=61, watched=["order-service"])):
        assert found.well
        assert (only(found).condition, only(found).messages, only(found).unknown) == ("unknown", None, NOT_MEASURED)


def test_groups_are_shown_although_this_process_has_no_setting_that_names_them() -> None:
    found = status(measured(messages=0), measured("reading", "order-cache", messages=0), watched=["order-cache"])
    assert [each.group for each in found.groups] == ["order-service", "order-cache"]
    assert not status(measured(messages=0), measured_ago=61).groups
