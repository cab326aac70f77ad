"""Publishes many facts in a row, and knows at each moment which of them are certainly in Kafka."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from adapters.kafka.catalogue_messages import CATALOGUE_TOPICS, fact_message
from adapters.kafka.clients import admin
from adapters.kafka.errors import close_client, translate_error, with_timeout
from adapters.kafka.startup import start_client, start_producer
from adapters.settings import Settings
from domain.catalogue.facts import Fact
from domain.shared.errors import BrokerRefused

START_WITHIN_SECONDS = 15.0
ACK_TIMEOUT_SECONDS = 30.0
LAST_ACKS_TIMEOUT_SECONDS = 5.0
MAX_IN_FLIGHT = 5_000


@dataclass(frozen=True, slots=True)
class PublishResult:
    """So many facts, counted from the first, are certainly in Kafka. `stopped_at` is the number of the
    first that may not be, `why` says what happened; both are None where all are. `away`: it was Kafka."""

    count: int
    stopped_at: int | None = None
    why: str | None = None
    away: bool = False


async def publish_facts(
    settings: Settings,
    facts: Iterable[tuple[int, Fact]],
    *,
    stop: asyncio.Event,
    told: Callable[[int], None] = lambda _: None,
    answer_within: float = ACK_TIMEOUT_SECONDS,
) -> PublishResult:
    """Publishes numbered facts in their order, until they end, `stop` is set or Kafka answers no more.

    Kafka is away when it has not answered for `answer_within` seconds. `told` is called with how many are
    certain. A fact that is published again is no harm. A ValueError
    from `facts` ends it like the others. Raises BrokerUnavailable or BrokerRefused where
    nothing could be begun.
    """
    await _require_topics(settings)
    client = await start_producer(settings, "catalogue", START_WITHIN_SECONDS)
    try:
        return await _Publishing(client, stop, told, answer_within).publish(facts)
    finally:
        await close_client(client)


async def _require_topics(settings: Settings) -> None:
    client = admin(settings)
    try:
        await start_client(client, settings, "catalogue", START_WITHIN_SECONDS)
        there = await with_timeout("catalogue", START_WITHIN_SECONDS, client.list_topics())
    finally:
        with contextlib.suppress(KafkaError, OSError):
            await client.close()
    if missing := {*CATALOGUE_TOPICS} - {*there}:
        names = ", ".join(sorted(missing))
        raise BrokerRefused(f"there is no topic {names}; `checkout migrate` makes it")


class _Publishing:
    def __init__(
        self,
        client: AIOKafkaProducer,
        stop: asyncio.Event,
        told: Callable[[int], None],
        answer_within: float,
    ) -> None:
        self._client = client
        self._stop = stop
        self._told = told
        self._answer_within = answer_within
        self._unanswered: deque[tuple[int, asyncio.Future[object]]] = deque()
        self._certain = 0
        self._upcoming: int | None = None

    async def publish(self, facts: Iterable[tuple[int, Fact]]) -> PublishResult:
        stopping = asyncio.create_task(self._stop.wait())
        try:
            for number, fact in facts:
                self._upcoming = number
                if stopping.done():
                    raise _Interrupted
                await self._send(number, fact)
                while len(self._unanswered) >= MAX_IN_FLIGHT:
                    await self._oldest_answered(stopping)
            while self._unanswered:
                await self._oldest_answered(stopping)
        except _Interrupted:
            await self._last_answers()
            return self._stopped("interrupted")
        except (KafkaError, OSError) as error:
            return self._stopped(f"Kafka did not take it: {translate_error(error)}", away=True)
        except ValueError as error:
            await self._last_answers()
            return self._stopped(str(error))
        finally:
            stopping.cancel()
        return PublishResult(self._certain)

    async def _send(self, number: int, fact: Fact) -> None:
        message = fact_message(fact)
        async with asyncio.timeout(self._answer_within):
            answer = await self._client.send(
                message.topic, message.value, message.key, headers=list(message.headers)
            )
        self._unanswered.append((number, answer))
        self._upcoming = number + 1

    async def _oldest_answered(self, stopping: asyncio.Task[object]) -> None:
        _, oldest = self._unanswered[0]
        await asyncio.wait(
            {oldest, stopping}, timeout=self._answer_within, return_when=asyncio.FIRST_COMPLETED
        )
        if not oldest.done():
            if stopping.done():
                raise _Interrupted
            raise TimeoutError(f"no answer within {self._answer_within:g} seconds")
        oldest.result()
        self._count_answered()

    def _count_answered(self) -> None:
        while self._unanswered and _succeeded(self._unanswered[0][1]):
            self._unanswered.popleft()
            self._certain += 1
        self._told(self._certain)

    async def _last_answers(self) -> None:
        """Waits a little for answers that are on their way."""
        if self._unanswered:
            await asyncio.wait({answer for _, answer in self._unanswered}, timeout=LAST_ACKS_TIMEOUT_SECONDS)

    def _stopped(self, why: str, *, away: bool = False) -> PublishResult:
        self._count_answered()
        stopped_at = self._unanswered[0][0] if self._unanswered else self._upcoming
        return PublishResult(self._certain, stopped_at, why, away)


class _Interrupted(Exception):
    """Somebody wants it to end."""


def _succeeded(answer: asyncio.Future[object]) -> bool:
    return answer.done() and not answer.cancelled() and answer.exception() is None
