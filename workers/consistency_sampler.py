"""Verifies random baskets and recently published messages all the time, and reports inconsistencies."""

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
MIN_ROUND_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
TOPICS_EVERY_SECONDS = 60.0
TOPICS_WAIT_SECONDS = 5.0
MAX_EVENTS = 200
MAX_LOGGED = 20
DEFAULT_RATE = 0.1
"""Baskets a second, where the setting is 0 and the sampler is started by its name."""

VERIFIED_BASKETS = Counter("checkout_verified_baskets", "Baskets that the sampler folded again.")
VERIFIED_MESSAGES = Counter(
    "checkout_verified_messages", "Messages that the sampler compared with the store.", ["topic"]
)
DIFFERENCES = Counter("checkout_verify_differences", "Inconsistencies that the sampler found.", ["kind"])
LAST_DIFFERENCE = Gauge(
    "checkout_verify_last_difference_timestamp_seconds",
    "When the sampler last found an inconsistency; 0: never.",
)
LAST_ROUND = Gauge(
    "checkout_verify_last_round_timestamp_seconds",
    "When the sampler last verified something; 0: it does not run here.",
)

_log = structlog.get_logger("workers.consistency_sampler")


class ConsistencySampler:
    """Verifies about `rate` baskets a second and, once a minute, the messages of a few seconds. Changes nothing.

    Reports an inconsistency each time that it finds it, as an error on the log and in the counters. A view that lags
    is inconsistent after a minute. One process works and others stand by; it reads one stream at a time, so that the
    load is what the setting says. While Kafka is away it goes on with baskets.
    """

    name = "sampler"

    def __init__(
        self,
        verifier: ViewVerifier,
        audit: ReadModelAudit,
        topics: TopicVerifier | None,
        leadership: Leadership,
        *,
        rate: float,
        patience: float = PATIENCE_SECONDS,
        topics_every: float = TOPICS_EVERY_SECONDS,
        topics_wait: float = TOPICS_WAIT_SECONDS,
    ) -> None:
        """`patience`, `topics_every` and `topics_wait` are in seconds."""
        rate = rate or DEFAULT_RATE
        self._verifier = verifier
        self._audit = audit
        self._topics = topics
        self._leadership = leadership
        self._pause = max(MIN_ROUND_SECONDS, 1 / rate)
        self._baskets = max(1, round(rate * self._pause))
        self._patience = patience
        self._topics_every = topics_every
        self._topics_wait = topics_wait

    async def run(self, heartbeat: Heartbeat) -> None:
        async with self._leadership.hold(ROLE, lambda: heartbeat.stands_by(ROLE)) as lease:
            heartbeat.holds(ROLE)
            now = asyncio.get_running_loop().time
            lagging: dict[str, tuple[int, float]] = {}
            topics_due = now()
            while True:
                await lease.confirm()
                await self._verify_baskets(lagging)
                heartbeat.ready(True)
                if self._topics is not None and now() >= topics_due:
                    await self._verify_topics(self._topics)
                    topics_due = now() + self._topics_every
                LAST_ROUND.set(time.time())
                await sleep(self._pause, heartbeat)

    async def _verify_baskets(self, lagging: dict[str, tuple[int, float]]) -> None:
        """`lagging` maps views that were behind to the version that they must reach, and since when."""
        now = asyncio.get_running_loop().time
        for basket_id in await self._audit.some_basket_ids(self._baskets, None):
            verified = await self._verifier.verify([basket_id])
            VERIFIED_BASKETS.inc()
            _report(verified.inconsistencies)
            for id, version in verified.lagging.items():
                lagging.setdefault(id, (version, now()))
        due = {id: version for id, (version, since) in lagging.items() if now() - since >= self._patience}
        if due:
            _report(await self._verifier.settle(due, 0))
            for id in due:
                del lagging[id]

    async def _verify_topics(self, topics: TopicVerifier) -> None:
        try:
            verified = await topics.verify_recent(MAX_EVENTS, self._topics_wait)
        except Unavailable as error:
            _log.warning("published messages were not verified", error=str(error))
            return
        _report(verified.inconsistencies)
        for topic in verified.topics:
            VERIFIED_MESSAGES.labels(topic.topic).inc(topic.messages)
            _report(topic.inconsistencies)


def _report(inconsistencies: Sequence[Inconsistency]) -> None:
    if len(inconsistencies) > MAX_LOGGED:
        _log.error("many inconsistencies were found", differences=len(inconsistencies), told=MAX_LOGGED)
    for number, found in enumerate(inconsistencies):
        DIFFERENCES.labels(found.kind).inc()
        LAST_DIFFERENCE.set(time.time())
        if number < MAX_LOGGED:
            _log.error(
                "something is not as the events say",
                kind=found.kind,
                subject=found.subject,
                version=found.version,
                position=found.position,
                topic=found.topic,
                words=found.words,
            )
