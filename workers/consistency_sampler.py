"""Verifies a few baskets a minute by chance, and what is published at the moment, and says what differs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog
from prometheus_client import Counter, Gauge

from domain.operators.verify.inconsistencies import Inconsistency
from domain.operators.verify.topic_verifier import TopicVerifier
from domain.operators.verify.view_verifier import ReadModelAudit, ViewVerifier
from domain.ports.leadership import Leadership
from domain.shared.errors import Unavailable
from workers.heartbeat import Heartbeat
from workers.runner import sleep

ROLE = "sampler"
SHORTEST_ROUND_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
TOPICS_EVERY_SECONDS = 60.0
TOPICS_WAIT_SECONDS = 5.0
EVENTS_AT_ONCE = 200
MOST_LOGGED = 20
RATE_WHEN_ASKED_FOR = 0.1
"""Baskets a second where the setting says none, and the sampler is run by its name."""

VERIFIED_BASKETS = Counter("checkout_verified_baskets", "Baskets that the sampler folded again.")
VERIFIED_MESSAGES = Counter(
    "checkout_verified_messages", "Messages that the sampler compared with the store.", ["topic"]
)
DIFFERENCES = Counter("checkout_verify_differences", "What the sampler found to differ.", ["kind"])
LAST_DIFFERENCE = Gauge(
    "checkout_verify_last_difference_timestamp_seconds", "When the sampler last found a difference; 0: never."
)
LAST_ROUND = Gauge(
    "checkout_verify_last_round_timestamp_seconds", "When the sampler last looked; 0: it does not run here."
)

_log = structlog.get_logger("workers.consistency_sampler")


class ConsistencySampler:
    """Looks at about `rate` baskets a second and, once a minute, at what is published during a few seconds; changes
    nothing. What differs is told each time that it is found: as an error on the log, and in the counters. A view
    that lags is one that differs once it has lagged for a minute.

    One process does this, others stand by, so that the load stays what the setting says: one stream at a time is
    read. While Kafka is away baskets are verified all the same.
    """

    name = "sampler"

    def __init__(
        self,
        verification: ViewVerifier,
        rows: ReadModelAudit,
        topics: TopicVerifier | None,
        leadership: Leadership,
        *,
        rate: float,
        patience: float = PATIENCE_SECONDS,
        topics_every: float = TOPICS_EVERY_SECONDS,
        topics_wait: float = TOPICS_WAIT_SECONDS,
    ) -> None:
        """`patience`, `topics_every` and `topics_wait` are in seconds."""
        rate = rate or RATE_WHEN_ASKED_FOR
        self._verification = verification
        self._rows = rows
        self._topics = topics
        self._leadership = leadership
        self._pause = max(SHORTEST_ROUND_SECONDS, 1 / rate)
        self._baskets = max(1, round(rate * self._pause))
        self._patience = patience
        self._topics_every = topics_every
        self._topics_wait = topics_wait

    async def run(self, heartbeat: Heartbeat) -> None:
        async with self._leadership.hold(ROLE, lambda: heartbeat.stands_by(ROLE)) as lease:
            heartbeat.holds(ROLE)
            lagging: dict[str, tuple[int, float]] = {}
            topics_due = self._now()
            while True:
                await lease.confirm()
                await self._look_at_baskets(lagging)
                heartbeat.ready(True)
                if self._topics is not None and self._now() >= topics_due:
                    await self._look_at_topics(self._topics)
                    topics_due = self._now() + self._topics_every
                LAST_ROUND.set(time.time())
                await sleep(self._pause, heartbeat)

    async def _look_at_baskets(self, lagging: dict[str, tuple[int, float]]) -> None:
        """`lagging` holds the views that were behind: the version that they must come to, and since when."""
        chosen = await self._rows.some_basket_ids(self._baskets, None)
        for basket_id in chosen:
            verified = await self._verification.verify([basket_id])
            VERIFIED_BASKETS.inc()
            self._tell(verified.inconsistencies)
            for id, version in verified.lagging.items():
                lagging.setdefault(id, (version, self._now()))
        due = {
            id: version for id, (version, since) in lagging.items() if self._now() - since >= self._patience
        }
        if due:
            self._tell(await self._verification.settle(due, 0))
            for id in due:
                del lagging[id]

    async def _look_at_topics(self, topics: TopicVerifier) -> None:
        try:
            verified = await topics.verify_recent(EVENTS_AT_ONCE, self._topics_wait)
        except Unavailable as error:
            _log.warning("what is published was not looked at", error=str(error))
            return
        self._tell(verified.inconsistencies)
        for topic in verified.topics:
            VERIFIED_MESSAGES.labels(topic.topic).inc(topic.messages)
            self._tell(topic.inconsistencies)

    def _tell(self, drifts: Sequence[Inconsistency]) -> None:
        if len(drifts) > MOST_LOGGED:
            _log.error("much is not as the events say", differences=len(drifts), told=MOST_LOGGED)
        for number, drift in enumerate(drifts):
            DIFFERENCES.labels(drift.kind).inc()
            LAST_DIFFERENCE.set(time.time())
            if number >= MOST_LOGGED:
                continue
            _log.error(
                "something is not as the events say",
                kind=drift.kind,
                subject=drift.subject,
                version=drift.version,
                position=drift.position,
                topic=drift.topic,
                words=drift.words,
            )

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
