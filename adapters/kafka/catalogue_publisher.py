"""Publishes many facts, and knows at any moment which of them Kafka has acknowledged."""

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

PublishProgress = Callable[[int], None]
"""Called with how many facts are acknowledged."""


@dataclass(frozen=True, slots=True)
class PublishResult:
    """The first `count` facts are in Kafka. `stopped_at` is the number of the first that may not be, and `why` the
    reason; both are None if all are. `is_unavailable`: the reason is Kafka."""

    count: int
    stopped_at: int | None = None
    why: str | None = None
    is_unavailable: bool = False


async def publish_facts(
    settings: Settings,
    facts: Iterable[tuple[int, Fact]],
    *,
    stop: asyncio.Event,
    progress: PublishProgress = lambda _: None,
    ack_timeout: float = ACK_TIMEOUT_SECONDS,
) -> PublishResult:
    """Publishes numbered facts in their order, until they end, raise ValueError, `stop` is set or Kafka stops
    answering.

    Kafka counts as unavailable after `ack_timeout` seconds without an answer. Publishing a fact twice does no harm.
    Raises BrokerUnavailable or BrokerRefused if it cannot start.
    """
    await _require_topics(settings)
    client = await start_producer(settings, "catalogue", START_WITHIN_SECONDS)
    try:
        return await _Publishing(client, stop, progress, ack_timeout).publish(facts)
    finally:
        await close_client(client)


async def _require_topics(settings: Settings) -> None:
    client = admin(settings)
    try:
        await start_client(client, settings, "catalogue", START_WITHIN_SECONDS)
        existing = await with_timeout("catalogue", START_WITHIN_SECONDS, client.list_topics())
    finally:
        with contextlib.suppress(KafkaError, OSError):
            await client.close()
    if missing := {*CATALOGUE_TOPICS} - {*existing}:
        names = ", ".join(sorted(missing))
        raise BrokerRefused(f"there is no topic {names}; `checkout migrate` makes it")


class _Publishing:
    def __init__(
        self, client: AIOKafkaProducer, stop: asyncio.Event, progress: PublishProgress, ack_timeout: float
    ) -> None:
        self._client = client
        self._stop = stop
        self._progress = progress
        self._ack_timeout = ack_timeout
        self._in_flight: deque[tuple[int, asyncio.Future[object]]] = deque()
        self._acknowledged = 0
        self._next_number: int | None = None

    async def publish(self, facts: Iterable[tuple[int, Fact]]) -> PublishResult:
        stopping = asyncio.create_task(self._stop.wait())
        try:
            for number, fact in facts:
                self._next_number = number
                if stopping.done():
                    raise _Interrupted
                await self._send(number, fact)
                while len(self._in_flight) >= MAX_IN_FLIGHT:
                    await self._oldest_ack(stopping)
            while self._in_flight:
                await self._oldest_ack(stopping)
        except (KafkaError, OSError) as error:
            return self._stopped(f"Kafka did not take it: {translate_error(error)}", is_unavailable=True)
        except (_Interrupted, ValueError) as error:
            if self._in_flight:
                # Acknowledgements that are on their way save publishing again.
                futures = {future for _, future in self._in_flight}
                await asyncio.wait(futures, timeout=LAST_ACKS_TIMEOUT_SECONDS)
            return self._stopped("interrupted" if isinstance(error, _Interrupted) else str(error))
        finally:
            stopping.cancel()
        return PublishResult(self._acknowledged)

    async def _send(self, number: int, fact: Fact) -> None:
        message = fact_message(fact)
        async with asyncio.timeout(self._ack_timeout):
            future = await self._client.send(message.topic, message.value, message.key, headers=list(message.headers))
        self._in_flight.append((number, future))
        self._next_number = number + 1

    async def _oldest_ack(self, stopping: asyncio.Task[object]) -> None:
        _, oldest = self._in_flight[0]
        await asyncio.wait({oldest, stopping}, timeout=self._ack_timeout, return_when=asyncio.FIRST_COMPLETED)
        if not oldest.done():
            if stopping.done():
                raise _Interrupted
            raise TimeoutError(f"no answer within {self._ack_timeout:g} seconds")
        oldest.result()
        self._count_acks()

    def _count_acks(self) -> None:
        while self._in_flight and _succeeded(self._in_flight[0][1]):
            self._in_flight.popleft()
            self._acknowledged += 1
        self._progress(self._acknowledged)

    def _stopped(self, why: str, *, is_unavailable: bool = False) -> PublishResult:
        self._count_acks()
        stopped_at = self._in_flight[0][0] if self._in_flight else self._next_number
        return PublishResult(self._acknowledged, stopped_at, why, is_unavailable)


class _Interrupted(Exception):
    """The run should end."""


def _succeeded(future: asyncio.Future[object]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None
