"""How far consumer groups of order services are: as the watcher measured it, while that is fresh."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Protocol

from domain.operators.status.lag import LagLimits, lag_trend, seconds_left
from domain.operators.status.lag_model import GroupLag, GroupMeasurement, WatchedGroup
from domain.operators.status.model import StatusReadings

GROUP_MEASUREMENT_LIFETIME = timedelta(seconds=60)
"""An older measurement says nothing about now. The watcher measures every ten seconds."""

NOT_MEASURED = "the watcher has not measured it: `checkout work watcher`, or `checkout work all`, does that"


class GroupMeter(Protocol):
    """Measures consumer groups."""

    async def measure(self) -> Sequence[GroupMeasurement]:
        """Measures each group on each of its topics. Raises BrokerUnavailable and BrokerRefused."""


def group_lags(readings: StatusReadings, watched: Sequence[WatchedGroup], limits: LagLimits) -> Iterable[GroupLag]:
    """The groups that were measured lately, and the `watched` ones that were not."""
    at = readings.groups_measured_at
    if at is not None and readings.at - at <= GROUP_MEASUREMENT_LIFETIME:
        for measured in readings.groups:
            yield _lag(measured, readings, limits)
        known = {each.group for each in readings.groups}
    else:
        known = set()
    for each in watched:
        if each.group not in known:
            yield GroupLag(
                group=each.group, topic=each.topic, condition="unknown", unknown=NOT_MEASURED, measured_at=at
            )


def _lag(measured: GroupMeasurement, readings: StatusReadings, limits: LagLimits) -> GroupLag:
    known = {**dict(measured), "measured_at": readings.groups_measured_at}
    if not measured.messages:
        return GroupLag(**known)
    oldest, rate = measured.oldest_at, measured.rate
    seconds = None if oldest is None else max(0.0, (readings.at - oldest).total_seconds())
    return GroupLag(
        **known,
        seconds=seconds,
        behind=limits.are_passed_by(measured.messages, seconds),
        trend=None if rate is None else lag_trend(rate, measured.arriving),
        eta_seconds=None if rate is None else seconds_left(measured.messages, rate, measured.arriving),
    )
