"""Measures how far behind the consumer groups of order services are."""

from __future__ import annotations

from domain.operators.status.group_lags import GroupMeter
from domain.operators.status.model import BrokerObservations
from domain.ports.leadership import Leadership
from workers.heartbeat import Heartbeat
from workers.runner import sleep

ROLE = "watcher"
PAUSE_SECONDS = 10.0


class GroupWatcher:
    """Measures all watched groups every `pause` seconds and stores what it found. It joins no group and changes nothing
    in Kafka. One process works and others stand by. While Kafka is away it fails and is run again; the last measurement
    then counts as outdated."""

    name = "watcher"

    def __init__(
        self,
        meter: GroupMeter,
        observations: BrokerObservations,
        leadership: Leadership,
        *,
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self._meter = meter
        self._observations = observations
        self._leadership = leadership
        self._pause = pause

    async def run(self, heartbeat: Heartbeat) -> None:
        async with self._leadership.hold(ROLE, lambda: heartbeat.stands_by(ROLE)) as lease:
            heartbeat.holds(ROLE)
            while True:
                await lease.confirm()
                measured = await self._meter.measure()
                await self._observations.record_groups(measured)
                heartbeat.handled(len(measured))
                heartbeat.ready(True)
                await sleep(self._pause, heartbeat)
